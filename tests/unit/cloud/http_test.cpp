// SPDX-License-Identifier: Apache-2.0
#include "cloud/http.hpp"

#include <catch2/catch.hpp>

#include "fake_server.hpp"

using namespace escalator;
using cloud::Method;

namespace {

Deadline in(int ms) { return std::chrono::steady_clock::now() + Milliseconds{ms}; }

cloud::Request get(const std::string& url) {
    cloud::Request out;
    out.url = url;
    return out;
}

}  // namespace

TEST_CASE("http: a request arrives whole and its answer comes back", "[cloud][http]") {
    test::FakeServer server([](const test::Asked& asked) {
        return test::Answer{asked.method == "POST" ? 202 : 200,
                            "{\"a\": 1}",
                            {"X-OpenStack-Request-Id: req-1", "X-Twice: a", "X-Twice: b"}};
    });
    cloud::Http http({});
    auto request = get(server.url() + "/v2.1/servers?limit=1");
    request.method = GENERATE(Method::get, Method::post, Method::put, Method::remove, Method::head);
    request.headers.emplace_back("OpenStack-API-Version", "compute 2.88");
    request.token = Secret("the token");
    if (request.method != Method::get && request.method != Method::head)
        request.body = Secret("{\"os-stop\": null}");
    const auto exchange = http.send(request, in(20'000), {});
    REQUIRE(exchange.response);
    CHECK(exchange.sent);
    CHECK(exchange.response->status == (request.method == Method::post ? 202 : 200));
    CHECK(exchange.response->body == (request.method == Method::head ? "" : "{\"a\": 1}"));
    CHECK(exchange.response->header("x-openstack-request-id") == "req-1");
    CHECK(exchange.response->header("x-twice") == "b");
    CHECK(exchange.response->header("x-none").empty());
    const auto asked = server.asked();
    REQUIRE(asked.size() == 1);
    CHECK(asked[0].line() == std::string(name_of(request.method)) + " /v2.1/servers?limit=1");
    auto headers = asked[0].headers;
    CHECK(headers["X-Auth-Token"] == "the token");
    CHECK(headers["OpenStack-API-Version"] == "compute 2.88");
    CHECK(asked[0].body == request.body.reveal());
}

TEST_CASE("http: connections are kept, but not for what must not happen twice", "[cloud][http]") {
    test::FakeServer server([](const test::Asked&) { return test::Answer{}; });
    cloud::Http http({});
    for (int i = 0; i < 5; ++i) CHECK(http.send(get(server.url()), in(20'000), {}).response);
    CHECK(server.connections() == 1);
    auto post = get(server.url());
    post.method = Method::post;
    CHECK(http.send(post, in(20'000), {}).response);
    CHECK(server.connections() == 2);
}

TEST_CASE("http: a request whose answer is lost is not repeated", "[cloud][http]") {
    bool first = true;
    test::FakeServer server([&](const test::Asked&) {
        test::Answer out;
        if (!std::exchange(first, false)) {
            out.cut = true;
            out.status = 0;
        }
        return out;
    });
    cloud::Http http({});
    CHECK(http.send(get(server.url()), in(20'000), {}).response);  // leaves a connection behind
    auto post = get(server.url() + "/action");
    post.method = Method::post;
    post.body = Secret("{}");
    const auto exchange = http.send(post, in(20'000), {});
    REQUIRE_FALSE(exchange.response);
    CHECK(exchange.response.error().code() == ErrorCode::unreachable);
    CHECK(exchange.sent);
    CHECK(server.count("POST /action") == 1);
}

TEST_CASE("http: what is no answer is told from one", "[cloud][http]") {
    struct Case {
        std::string name;
        test::Answer answer;
        ErrorCode code;
    };
    test::Answer half;
    half.raw = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"servers\": [";
    half.cut = true;
    test::Answer no_http;
    no_http.raw = "SSH-2.0-OpenSSH_9.2\r\n";
    no_http.cut = true;
    test::Answer headers_only;
    headers_only.raw = "HTTP/1.1 200 OK\r\nContent-Le";
    headers_only.cut = true;
    test::Answer slow;
    slow.pause = Milliseconds{60'000};
    test::Answer endless;
    endless.raw = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + std::string(100, 'x');
    const auto it = GENERATE_COPY(
        from_range(std::vector<Case>{{"half a body", half, ErrorCode::unreachable},
                                     {"no HTTP", no_http, ErrorCode::protocol},
                                     {"half the headers", headers_only, ErrorCode::unreachable},
                                     {"slow", slow, ErrorCode::timeout},
                                     {"endless", endless, ErrorCode::timeout}}));
    CAPTURE(it.name);
    test::FakeServer server([&](const test::Asked&) { return it.answer; });
    cloud::Http http({});
    const auto exchange = http.send(get(server.url()), in(1'000), {});
    REQUIRE_FALSE(exchange.response);
    INFO(exchange.response.error().text());
    CHECK(exchange.response.error().code() == it.code);
    CHECK(exchange.sent);
}

TEST_CASE("http: an answer beyond all measure is cut off", "[cloud][http]") {
    test::FakeServer server([](const test::Asked&) {
        return test::Answer{200, std::string(cloud::Http::largest_body + 1, ' '), {}};
    });
    cloud::Http http({});
    const auto exchange = http.send(get(server.url()), in(60'000), {});
    REQUIRE_FALSE(exchange.response);
    CHECK(exchange.response.error().code() == ErrorCode::protocol);
    CHECK(exchange.response.error().text().find("64 MiB") != std::string::npos);
}

TEST_CASE("http: nothing was sent where nobody listens", "[cloud][http]") {
    std::string url;
    {
        test::FakeServer server([](const test::Asked&) { return test::Answer{}; });
        url = server.url();
    }
    cloud::Http http({});
    const auto exchange = http.send(get(url), in(20'000), {});
    REQUIRE_FALSE(exchange.response);
    CHECK(exchange.response.error().code() == ErrorCode::unreachable);
    CHECK_FALSE(exchange.sent);
    CHECK(http.send(get("ftp://127.0.0.1/"), in(1'000), {}).response.error().code() ==
          ErrorCode::usage);
    CHECK(http.send(get(url), in(-1), {}).response.error().code() == ErrorCode::timeout);
}

TEST_CASE("http: a stop ends a request that is under way", "[cloud][http]") {
    std::stop_source source;
    test::FakeServer server([&](const test::Asked&) {
        source.request_stop();
        test::Answer out;
        out.pause = Milliseconds{120'000};
        return out;
    });
    cloud::Http http({});
    const auto exchange = http.send(get(server.url()), in(100'000), source.get_token());
    REQUIRE_FALSE(exchange.response);
    CHECK(exchange.response.error().code() == ErrorCode::cancelled);
}

TEST_CASE("http: Retry-After in seconds and as a time", "[cloud][http]") {
    const auto now = *parse_utc("2026-11-26T03:00:00.000Z");
    const auto after = [&](const std::string& value) {
        cloud::Response response;
        response.headers.emplace_back("retry-after", value);
        return response.retry_after(now);
    };
    CHECK(after("30") == Milliseconds{30'000});
    CHECK(after("0") == Milliseconds{0});
    CHECK(after("Thu, 26 Nov 2026 03:00:10 GMT") == Milliseconds{10'000});
    CHECK(after("Thu, 26 Nov 2026 02:00:00 GMT") == Milliseconds{0});
    CHECK_FALSE(after("soon"));
    CHECK_FALSE(after("-5"));
    CHECK_FALSE(cloud::Response{}.retry_after(now));
}
