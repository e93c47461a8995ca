// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace escalator::campaign {

using Labels = std::map<std::string, std::string, std::less<>>;

/// Letters, digits, '_', '-', '.' and '/', at least one.
bool is_label_name(std::string_view name);

/// A label selector in Kubernetes' syntax: "role=compute, site in (east, west), !spare". All terms
/// must hold. Source: kubernetes.io, Concepts, Labels and Selectors. "*" selects every node.
class Selector {
public:
    enum class Operator { equals, not_equals, in, not_in, exists, not_exists };
    struct Term {
        std::string key;
        Operator op = Operator::exists;
        std::vector<std::string> values;
        bool operator==(const Term&) const = default;
    };

    /// Errors: usage; `offset`, if given, then tells where in `text` the mistake is.
    static Result<Selector> parse(std::string_view text, std::size_t* offset = nullptr);

    /// As in Kubernetes, != and notin also hold for nodes without the key.
    bool matches(const Labels& labels) const;
    const std::vector<Term>& terms() const noexcept { return terms_; }
    std::string text() const;
    bool operator==(const Selector&) const = default;

private:
    std::vector<Term> terms_;  ///< empty = everything
};

}  // namespace escalator::campaign
