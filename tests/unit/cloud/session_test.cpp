// SPDX-License-Identifier: Apache-2.0
#include "cloud/session.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <thread>

#include "fake_cloud.hpp"

using namespace escalator;
using cloud::Method;

namespace {

const std::stop_token never;

cloud::Call get(const std::string& path) {
    cloud::Call out;
    out.service = "compute";
    out.path = path;
    return out;
}

cloud::Call action(const std::string& path) {
    auto out = get(path);
    out.method = Method::post;
    out.body = "{\"os-stop\": null}";
    out.once = true;
    return out;
}

}  // namespace

TEST_CASE("session: calls go to the catalog's endpoint with the token and the microversion",
          "[cloud][session]") {
    test::FakeCloud it;
    auto session = it.session();
    auto call = get("/servers?limit=1");
    call.version = cloud::Microversion{2, 88};
    const auto answer = session->read(call, never);
    REQUIRE(answer);
    CHECK((*answer)["asked"] == "GET /v2.1/servers?limit=1");
    auto last = it.server.asked().back();
    CHECK(last.headers["X-Auth-Token"] == "token-1");
    CHECK(last.headers["OpenStack-API-Version"] == "compute 2.88");
    CHECK(session->read(get("/servers?limit=1"), never));
    CHECK(it.tokens == 1);
}

TEST_CASE("session: a token that is refused is renewed, once", "[cloud][session]") {
    test::FakeCloud it;
    auto session = it.session();
    REQUIRE(session->call(get("/a"), never));
    it.good_token = "token-2";  // the first one was revoked
    REQUIRE(session->call(get("/b"), never));
    CHECK(it.tokens == 2);
    REQUIRE(session->call(action("/servers/1/action"), never));
    it.good_token = "none is ever good";
    const auto refused = session->call(get("/c"), never);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == ErrorCode::unauthorised);
    CHECK(it.tokens == 4);
}

TEST_CASE("session: a token is renewed before it expires, by one thread for all",
          "[cloud][session]") {
    test::FakeCloud it;
    it.lifetime_s = 1;  // and is renewed from 0.8 s on
    auto session = it.session();
    REQUIRE(session->call(get("/a"), never));
    REQUIRE(test::eventually([&] {
        CHECK(session->call(get("/b"), never));
        return it.tokens >= 2;
    }));
    it.lifetime_s = 3600;
    std::vector<std::jthread> threads;
    threads.reserve(8);
    it.good_token = "token-" + std::to_string(it.tokens + 1);
    const auto before = it.tokens.load();
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&] { static_cast<void>(session->call(get("/c"), never)); });
    threads.clear();
    CHECK(it.tokens <= before + 2);
    CHECK(it.server.count("GET /v2.1/c") >= 8);
}

TEST_CASE("session: while Keystone is away a valid token still serves", "[cloud][session]") {
    test::FakeCloud it;
    it.lifetime_s = 60;
    auto session = it.session();
    REQUIRE(session->call(get("/a"), never));
    it.keystone_status = 503;
    CHECK(session->call(get("/b"), never));
    it.good_token = "token-2";
    std::jthread repair([&] {
        test::eventually([&] { return it.server.count("POST /identity/v3/auth/tokens") >= 4; });
        it.keystone_status = 201;
    });
    CHECK(session->call(get("/c"), never));
    CHECK(it.tokens == 2);
}

TEST_CASE("session: an API that is away is waited for", "[cloud][session]") {
    test::FakeCloud it;
    auto session = it.session();
    std::atomic<int> bad{3};
    const auto status = GENERATE(429, 500, 502, 503, 504);
    CAPTURE(status);
    it.answer = [&](const test::Asked&) {
        return bad-- > 0 ? test::Answer{status, "{}", {"Retry-After: 0"}} : test::Answer{};
    };
    CHECK(session->call(get("/servers"), never));
    CHECK(it.server.count("GET /v2.1/servers") == 4);
}

TEST_CASE("session: a server that is stopped and started again is waited for", "[cloud][session]") {
    test::FakeCloud it;
    auto session = it.session();
    REQUIRE(session->call(get("/a"), never));
    it.server.close();
    std::jthread starter([&] { it.server.open_again(); });
    CHECK(session->call(action("/servers/1/action"), never));
    CHECK(it.server.count("POST /v2.1/servers/1/action") == 1);
}

TEST_CASE("session: patience ends, and says what it waited for", "[cloud][session]") {
    test::FakeCloud it;
    it.patience.outage = Milliseconds{60};
    auto session = it.session();
    it.answer = [](const test::Asked&) {
        return test::Answer{503, "{\"error\": {\"message\": \"No server is available\"}}"};
    };
    const auto refused = session->call(get("/servers"), never);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == ErrorCode::unreachable);
    CHECK(refused.error().text().find("compute GET /servers") != std::string::npos);
    CHECK(refused.error().text().find("No server is available") != std::string::npos);
}

TEST_CASE("session: what must happen once is never sent again on a guess", "[cloud][session]") {
    test::FakeCloud it;
    auto session = it.session();
    REQUIRE(session->call(get("/warm"), never));
    const auto path = std::string("POST /v2.1/servers/1/action");
    test::Answer lost;
    lost.status = 0;
    lost.cut = true;
    test::Answer half;
    half.raw = "HTTP/1.1 202 Accepted\r\nContent-Length: 10\r\n\r\n{";
    half.cut = true;
    for (const auto& bad : {lost, half, test::Answer{500}, test::Answer{503}, test::Answer{504}}) {
        CAPTURE(bad.status, bad.raw);
        const auto before = it.server.count(path);
        it.answer = [&](const test::Asked&) { return bad; };
        const auto answer = session->call(action("/servers/1/action"), never);
        REQUIRE_FALSE(answer);
        CHECK(answer.error().code() == ErrorCode::unanswered);
        CHECK(it.server.count(path) == before + 1);
    }
    // turned away at the door: nothing was done, so it may be said again
    std::atomic<int> bad{2};
    it.answer = [&](const test::Asked&) {
        return bad-- > 0 ? test::Answer{429, "{}", {"Retry-After: 0"}} : test::Answer{202};
    };
    CHECK(session->call(action("/servers/1/action"), never));
}

TEST_CASE("session: a refusal carries the API's own words", "[cloud][session]") {
    test::FakeCloud it;
    auto session = it.session();
    struct Case {
        int status;
        ErrorCode code;
        std::string body;
        std::string words;
    };
    const auto one = GENERATE(from_range(std::vector<Case>{
        {400, ErrorCode::refused, R"({"badRequest": {"code": 400, "message": "Bad\n flavor"}})",
         "status 400: Bad  flavor"},
        {403, ErrorCode::unauthorised, R"({"forbidden": {"message": "Policy"}})", "Policy"},
        {404, ErrorCode::not_found, R"({"itemNotFound": {"message": "no server"}})", "no server"},
        {409, ErrorCode::refused, R"({"errors": [{"detail": "generation", "title": "x"}]})",
         "status 409: generation"},
        {413, ErrorCode::refused, R"({"overLimit": {"message": "Quota"}})", "Quota"},
        {404, ErrorCode::not_found, "<html>not JSON</html>", "status 404"},
        {301, ErrorCode::protocol, "", "status 301"},
    }));
    CAPTURE(one.status);
    it.answer = [&](const test::Asked&) {
        return test::Answer{one.status, one.body, {"x-openstack-request-id: req-7"}};
    };
    const auto refused = session->call(get("/servers/1"), never);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == one.code);
    CHECK(refused.error().text().find(one.words) != std::string::npos);
    CHECK(refused.error().text().find("req-7") != std::string::npos);
    CHECK(it.server.count("GET /v2.1/servers/1") == 1);
}

TEST_CASE("session: an answer that is no JSON is asked for again, then reported",
          "[cloud][session]") {
    test::FakeCloud it;
    auto session = it.session();
    std::atomic<int> bad{2};
    it.answer = [&](const test::Asked&) {
        return test::Answer{200, bad-- > 0 ? "{\"a\": [" : "{}"};
    };
    CHECK(session->read(get("/servers"), never));
    bad = 100;
    const auto broken = session->read(get("/flavors"), never);
    REQUIRE_FALSE(broken);
    CHECK(broken.error().code() == ErrorCode::protocol);
    CHECK(it.server.count("GET /v2.1/flavors") == 3);
}

TEST_CASE("session: microversions are negotiated once", "[cloud][session]") {
    test::FakeCloud it;
    auto session = it.session();
    CHECK(session->negotiate("compute", {2, 53}, {2, 88}, never).value() ==
          cloud::Microversion{2, 88});
    CHECK(session->negotiate("compute", {2, 53}, {2, 99}, never).value() ==
          cloud::Microversion{2, 93});
    CHECK(it.server.count("GET /v2.1/") == 1);
    const auto old = session->negotiate("compute", {2, 95}, {2, 96}, never);
    REQUIRE_FALSE(old);
    CHECK(old.error().code() == ErrorCode::refused);
    CHECK(old.error().text().find("2.1 to 2.93") != std::string::npos);
    CHECK(session->negotiate("placement", {1, 14}, {1, 36}, never).value() ==
          cloud::Microversion{1, 36});
}

TEST_CASE("session: wrong credentials are said at once, without the password", "[cloud][session]") {
    test::FakeCloud it;
    auto session = it.session();
    it.keystone_status = 401;
    const auto refused = session->call(get("/servers"), never);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == ErrorCode::unauthorised);
    CHECK(refused.error().text().find("s3cret") == std::string::npos);
    CHECK(refused.error().remedy().find("clouds.yaml") != std::string::npos);
    CHECK(it.server.lines().size() == 1);
}

TEST_CASE("session: a service that is in no catalog is named with what there is",
          "[cloud][session]") {
    test::FakeCloud it;
    it.config.region = "east";
    auto call = get("/x");
    const auto refused = it.session()->call(call, never);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == ErrorCode::not_found);
    CHECK(refused.error().text().find("RegionOne") != std::string::npos);
    it.config.region.clear();
    call.service = "baremetal";
    CHECK(it.session()->call(call, never).error().code() == ErrorCode::not_found);
    it.config.overrides["baremetal"] = it.server.url() + "/bm/";
    CHECK(it.session()->call(call, never));
    CHECK(it.server.count("GET /bm/x") == 1);
}
