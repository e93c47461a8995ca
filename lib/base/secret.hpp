// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

namespace escalator {

/// A password, token or passphrase. Prints as ***, and is overwritten when it goes.
class Secret {
public:
    Secret() = default;
    explicit Secret(std::string value) : value_(std::move(value)) {}
    ~Secret();
    Secret(const Secret&) = default;
    Secret& operator=(const Secret&) = default;
    Secret(Secret&&) = default;
    Secret& operator=(Secret&&) = default;

    /// The bytes themselves; only for the call that sends them.
    const std::string& reveal() const noexcept { return value_; }
    bool empty() const noexcept { return value_.empty(); }

private:
    std::string value_;
};

}  // namespace escalator

template <>
struct fmt::formatter<escalator::Secret> : fmt::formatter<std::string_view> {
    template <class Context>
    auto format(const escalator::Secret& /*hidden*/, Context& context) const {
        return fmt::formatter<std::string_view>::format("***", context);
    }
};
