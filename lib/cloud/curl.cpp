// SPDX-License-Identifier: Apache-2.0
#include "cloud/curl.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

namespace escalator::cloud {

namespace {

/// The name that libcurl has had since 7.16 (2006).
constexpr const char* library = "libcurl.so.4";

Result<Curl> load() {
    void* const handle = ::dlopen(library, RTLD_NOW | RTLD_LOCAL);
    const auto missing = [] {
        const char* why = ::dlerror();
        return Error(ErrorCode::not_found,
                     fmt::format("libcurl cannot be loaded: {}", why == nullptr ? library : why))
            .advise("install it: apt-get install libcurl4");
    };
    if (handle == nullptr) return missing();
    Curl out{};
    bool whole = true;
    const auto find = [&](auto& function, const char* name) {
        function =
            reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(handle, name));
        whole = whole && function != nullptr;
    };
    find(out.global_init, "curl_global_init");
    find(out.easy_init, "curl_easy_init");
    find(out.easy_reset, "curl_easy_reset");
    find(out.easy_setopt, "curl_easy_setopt");
    find(out.easy_perform, "curl_easy_perform");
    find(out.easy_getinfo, "curl_easy_getinfo");
    find(out.easy_strerror, "curl_easy_strerror");
    find(out.easy_cleanup, "curl_easy_cleanup");
    find(out.slist_append, "curl_slist_append");
    find(out.slist_free_all, "curl_slist_free_all");
    find(out.getdate, "curl_getdate");
    if (!whole) return missing();
    if (out.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return Error(ErrorCode::bug, "libcurl cannot start");
    return out;
}

}  // namespace

const Result<Curl>& curl() {
    static const Result<Curl> loaded = load();
    return loaded;
}

}  // namespace escalator::cloud
