// SPDX-License-Identifier: Apache-2.0
#include "cloud/http.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/log.hpp"
#include "base/sync.hpp"
#include "base/text.hpp"
#include "cloud/curl.hpp"

namespace escalator::cloud {

namespace {

/// How long a connection may take to come about; the deadline may be nearer.
constexpr Milliseconds connect_patience{10'000};

struct EasyCleanup {
    void operator()(CURL* handle) const { curl()->easy_cleanup(handle); }
};
using Easy = std::unique_ptr<CURL, EasyCleanup>;

struct SlistCleanup {
    void operator()(curl_slist* list) const { curl()->slist_free_all(list); }
};
using Slist = std::unique_ptr<curl_slist, SlistCleanup>;

void add(Slist& list, const std::string& line) {
    if (auto* longer = curl()->slist_append(list.get(), line.c_str()); longer != nullptr) {
        static_cast<void>(list.release());
        list.reset(longer);
    }
}

/// What the callbacks fill.
struct Receiver {
    Response response;
    bool too_long = false;
    bool headers_done = false;  ///< their empty line came
    const std::stop_token* stop = nullptr;
};

std::size_t take_body(char* bytes, std::size_t /*one*/, std::size_t count, void* to) {
    auto& receiver = *static_cast<Receiver*>(to);
    if (receiver.response.body.size() + count > Http::largest_body) {
        receiver.too_long = true;
        return 0;
    }
    receiver.response.body.append(bytes, count);
    return count;
}

std::size_t take_header(char* bytes, std::size_t /*one*/, std::size_t count, void* to) {
    auto& receiver = *static_cast<Receiver*>(to);
    const std::string_view line(bytes, count);
    if (line.starts_with("HTTP/")) {
        receiver.response.headers.clear();  // of an interim answer ("100 Continue")
        receiver.headers_done = false;
        return count;
    }
    if (trim(line).empty()) receiver.headers_done = true;
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return count;
    receiver.response.headers.emplace_back(lowered(line.substr(0, colon)),
                                           trim(line.substr(colon + 1)));
    return count;
}

int look_up(void* from, curl_off_t /*total*/, curl_off_t /*now*/, curl_off_t /*up_total*/,
            curl_off_t /*up*/) {
    return static_cast<Receiver*>(from)->stop->stop_requested() ? 1 : 0;
}

ErrorCode code_of(CURLcode code) {
    switch (code) {
        case CURLE_OPERATION_TIMEDOUT:
            return ErrorCode::timeout;
        case CURLE_ABORTED_BY_CALLBACK:
            return ErrorCode::cancelled;
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_INVALIDCERTSTATUS:
            return ErrorCode::untrusted;
        case CURLE_URL_MALFORMAT:
        case CURLE_UNSUPPORTED_PROTOCOL:
            return ErrorCode::usage;
        case CURLE_WEIRD_SERVER_REPLY:
        case CURLE_BAD_CONTENT_ENCODING:
        case CURLE_HTTP2:
        case CURLE_WRITE_ERROR:
            return ErrorCode::protocol;
        default:
            return ErrorCode::unreachable;
    }
}

/// May be sent twice without harm, by the meaning of the method (RFC 9110, 9.2.2).
bool idempotent(Method method) { return method != Method::post && method != Method::patch; }

}  // namespace

std::string_view name_of(Method method) noexcept {
    static constexpr std::array<std::string_view, 6> names{"GET", "HEAD",  "POST",
                                                           "PUT", "PATCH", "DELETE"};
    return names.at(static_cast<std::size_t>(method));
}

std::string_view Response::header(std::string_view name) const {
    const auto it = std::find_if(headers.rbegin(), headers.rend(),
                                 [&](const auto& header) { return header.first == name; });
    return it == headers.rend() ? std::string_view{} : std::string_view(it->second);
}

std::optional<Milliseconds> Response::retry_after(Time now) const {
    const std::string text(header("retry-after"));
    if (text.empty()) return {};
    std::uint32_t seconds = 0;
    const auto* end = text.data() + text.size();
    if (const auto read = std::from_chars(text.data(), end, seconds); read.ptr == end)
        return Milliseconds(std::int64_t{seconds} * 1000);
    const auto when = curl()->getdate(text.c_str(), nullptr);
    if (when < 0) return {};
    const auto pause = Time(Milliseconds(std::int64_t{when} * 1000)) - now;
    return std::max(pause, Milliseconds{0});
}

struct Http::Handles {
    /// Each keeps its connections; as many as there were ever requests at once.
    Sync<std::vector<Easy>> idle;
};

Http::Http(Tls tls) : handles_(std::make_unique<Handles>()), tls_(std::move(tls)) {}

Http::~Http() = default;

Exchange Http::send(const Request& request, Deadline deadline, const std::stop_token& stop) {
    const auto left = std::chrono::ceil<Milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left <= Milliseconds{0}) return {Error(ErrorCode::timeout, "no time left"), false};
    const auto& library = curl();
    if (!library) return {library.error(), false};
    auto easy = handles_->idle.with([](auto& idle) {
        Easy one;
        if (!idle.empty()) {
            one = std::move(idle.back());
            idle.pop_back();
        }
        return one;
    });
    if (!easy) easy.reset(library->easy_init());
    if (!easy) return {Error(ErrorCode::bug, "libcurl cannot start"), false};
    CURL* const handle = easy.get();
    const auto set = library->easy_setopt;
    library->easy_reset(handle);  // keeps the connections

    Receiver receiver;
    receiver.stop = &stop;
    Slist headers;
    add(headers, "Accept: application/json");
    add(headers, "Expect:");  // no "100-continue" pause before a body
    for (const auto& [name, value] : request.headers)
        add(headers, fmt::format("{}: {}", name, value));
    if (!request.token.empty()) add(headers, "X-Auth-Token: " + request.token.reveal());
    const auto& body = request.body.reveal();
    if (!body.empty()) add(headers, "Content-Type: application/json");

    std::array<char, CURL_ERROR_SIZE> why{};
    set(handle, CURLOPT_ERRORBUFFER, why.data());
    set(handle, CURLOPT_NOSIGNAL, 1L);
    set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    set(handle, CURLOPT_FOLLOWLOCATION, 0L);
    set(handle, CURLOPT_USERAGENT, "escalator");
    set(handle, CURLOPT_ACCEPT_ENCODING, "");
    set(handle, CURLOPT_URL, request.url.c_str());
    set(handle, CURLOPT_HTTPHEADER, headers.get());
    set(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(left.count()));
    set(handle, CURLOPT_CONNECTTIMEOUT_MS,
        static_cast<long>(std::min(left, connect_patience).count()));
    set(handle, CURLOPT_TCP_KEEPALIVE, 1L);
    set(handle, CURLOPT_WRITEFUNCTION, take_body);
    set(handle, CURLOPT_WRITEDATA, &receiver);
    set(handle, CURLOPT_HEADERFUNCTION, take_header);
    set(handle, CURLOPT_HEADERDATA, &receiver);
    set(handle, CURLOPT_NOPROGRESS, 0L);
    set(handle, CURLOPT_XFERINFOFUNCTION, look_up);
    set(handle, CURLOPT_XFERINFODATA, &receiver);
    set(handle, CURLOPT_SSL_VERIFYPEER, tls_.verify ? 1L : 0L);
    set(handle, CURLOPT_SSL_VERIFYHOST, tls_.verify ? 2L : 0L);
    if (!tls_.ca.empty()) set(handle, CURLOPT_CAINFO, tls_.ca.c_str());
    if (!tls_.cert.empty()) set(handle, CURLOPT_SSLCERT, tls_.cert.c_str());
    if (!tls_.key.empty()) set(handle, CURLOPT_SSLKEY, tls_.key.c_str());
    if (request.method == Method::head) {
        set(handle, CURLOPT_NOBODY, 1L);
    } else {
        if (!body.empty() || request.method == Method::post) {
            set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
            set(handle, CURLOPT_POSTFIELDS, body.c_str());
        }
        set(handle, CURLOPT_CUSTOMREQUEST, name_of(request.method).data());
    }
    // On a kept connection that gives no answer libcurl sends the request again by itself, whatever
    // it is (lib/transfer.c, Curl_retry_request); on a new one it does not.
    if (!idempotent(request.method)) set(handle, CURLOPT_FRESH_CONNECT, 1L);

    const auto began = std::chrono::steady_clock::now();
    const CURLcode code = library->easy_perform(handle);
    const auto took = std::chrono::round<Milliseconds>(std::chrono::steady_clock::now() - began);
    long sent = 0;
    long status = 0;
    library->easy_getinfo(handle, CURLINFO_REQUEST_SIZE, &sent);
    library->easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    handles_->idle.with([&](auto& idle) { idle.push_back(std::move(easy)); });

    if (code == CURLE_OK && receiver.headers_done) {
        receiver.response.status = static_cast<int>(status);
        log::debug("http method={} url={} status={} took={}ms id={}", name_of(request.method),
                   printable(request.url), status, took.count(),
                   printable(receiver.response.header("x-openstack-request-id")));
        return {std::move(receiver.response), true};
    }
    log::debug("http method={} url={} failed=\"{}\" took={}ms", name_of(request.method),
               printable(request.url), printable(why.data()), took.count());
    if (receiver.too_long) {
        return {Error(ErrorCode::protocol,
                      fmt::format("the answer is longer than {} MiB", largest_body >> 20U)),
                true};
    }
    if (code == CURLE_OK) {  // libcurl takes headers that are cut short for a whole answer
        return {Error(ErrorCode::unreachable, "the connection ended within the answer's headers"),
                true};
    }
    const std::string reason = why[0] != '\0' ? why.data() : library->easy_strerror(code);
    // the other side's protocol, when something was asked of it; else the URL's
    const auto kind =
        code == CURLE_UNSUPPORTED_PROTOCOL && sent > 0 ? ErrorCode::protocol : code_of(code);
    return {Error(kind, printable(reason)), sent > 0};
}

}  // namespace escalator::cloud
