// SPDX-License-Identifier: Apache-2.0
#include "base/error.hpp"

namespace escalator {

std::string_view name_of(ErrorCode code) noexcept {
    switch (code) {
        case ErrorCode::usage:
            return "usage";
        case ErrorCode::not_found:
            return "not_found";
        case ErrorCode::busy:
            return "busy";
        case ErrorCode::corrupt:
            return "corrupt";
        case ErrorCode::stale:
            return "stale";
        case ErrorCode::unauthorised:
            return "unauthorised";
        case ErrorCode::untrusted:
            return "untrusted";
        case ErrorCode::unreachable:
            return "unreachable";
        case ErrorCode::timeout:
            return "timeout";
        case ErrorCode::cancelled:
            return "cancelled";
        case ErrorCode::io:
            return "io";
        case ErrorCode::refused:
            return "refused";
        case ErrorCode::unanswered:
            return "unanswered";
        case ErrorCode::protocol:
            return "protocol";
        case ErrorCode::bug:
            return "bug";
    }
    return "bug";
}

Error&& Error::within(std::string context) && {
    context_.push_back(std::move(context));
    return std::move(*this);
}

Error&& Error::advise(std::string remedy) && {
    remedy_ = std::move(remedy);
    return std::move(*this);
}

std::string Error::text() const {
    std::string out;
    for (auto it = context_.rbegin(); it != context_.rend(); ++it) out += *it + ": ";
    return out + message_;
}

}  // namespace escalator
