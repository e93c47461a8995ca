// SPDX-License-Identifier: Apache-2.0
#include "base/secret.hpp"

#include <openssl/crypto.h>

namespace escalator {

Secret::~Secret() { OPENSSL_cleanse(value_.data(), value_.size()); }

}  // namespace escalator
