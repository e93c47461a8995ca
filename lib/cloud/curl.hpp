// SPDX-License-Identifier: Apache-2.0
#pragma once

// setopt's arguments are checked by macros that name the function; here it has another name
// NOLINTNEXTLINE(readability-identifier-naming): libcurl chose the name
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include "base/result.hpp"

// Inside lib/cloud only.
namespace escalator::cloud {

/// The functions of libcurl that are used. It is loaded when the first of them is needed: it brings
/// twenty libraries with it, which take longer to load than a small `validate` takes in all.
struct Curl {
    decltype(&::curl_global_init) global_init;
    decltype(&::curl_easy_init) easy_init;
    decltype(&::curl_easy_reset) easy_reset;
    decltype(&::curl_easy_setopt) easy_setopt;
    decltype(&::curl_easy_perform) easy_perform;
    decltype(&::curl_easy_getinfo) easy_getinfo;
    decltype(&::curl_easy_strerror) easy_strerror;
    decltype(&::curl_easy_cleanup) easy_cleanup;
    decltype(&::curl_slist_append) slist_append;
    decltype(&::curl_slist_free_all) slist_free_all;
    decltype(&::curl_getdate) getdate;
};

/// The same for all threads, for the life of the process. Errors: not_found (no such library).
const Result<Curl>& curl();

}  // namespace escalator::cloud
