// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <tl/expected.hpp>
#include <type_traits>
#include <utility>

#include "base/error.hpp"

namespace escalator {

/// A value, or the Error that kept us from having one. [[nodiscard]]: dropping one unread is a
/// compile error. Spelled like std::expected (which libstdc++ 12 lacks in C++20 mode).
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
    using Base = tl::expected<T, Error>;

public:
    using Base::Base;
    // NOLINTNEXTLINE(google-explicit-constructor): return error; must read naturally
    Result(Error error) : Base(tl::unexpect, std::move(error)) {}
    Result(ErrorCode code, std::string message)
        : Base(tl::unexpect, Error(code, std::move(message))) {}

    /// Moves the error out, adding context on its way up.
    Error take_error() && { return std::move(Base::error()); }
    Error fail(std::string context) && {
        return std::move(Base::error()).within(std::move(context));
    }
};

using Status = Result<void>;

/// The success of a Status.
inline Status ok() { return {}; }

}  // namespace escalator
