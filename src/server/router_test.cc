#include "server/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace accel::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::array<Endpoint, 6> kEndpoints{{
    {.method = "GET", .path = "/"},
    {.method = "GET", .path = "/v2/models/{model}"},
    {.method = "POST", .path = "/v2/models/{model}/infer"},
    {.method = "POST", .path = "/v2/models/{model}/versions/{version}/infer"},
    {.method = "GET", .path = "/v2/models/stats"},
    {.method = "POST", .path = "/v2/models/{model}"},
}};

Route found(std::string_view method, std::string_view path) {
  return route(kEndpoints, method, path);
}

TEST(Router, NamesStandForOneSegment) {
  EXPECT_EQ(found("GET", "/").endpoint, &kEndpoints[0]);
  EXPECT_EQ(found("GET", "/v2/models/bert").endpoint, &kEndpoints[1]);
  EXPECT_THAT(found("GET", "/v2/models/bert").captured, ElementsAre("bert"));
  EXPECT_THAT(found("POST", "/v2/models/a/versions/3/infer").captured, ElementsAre("a", "3"));
  EXPECT_EQ(found("POST", "/v2/models/a/b/infer").endpoint, nullptr);
  EXPECT_EQ(found("GET", "/v2/models/").endpoint, nullptr);
  EXPECT_EQ(found("POST", "/v2/models//infer").endpoint, nullptr);
}

TEST(Router, AFixedSegmentGoesBeforeAName) {
  EXPECT_EQ(found("GET", "/v2/models/stats").endpoint, &kEndpoints[4]);
  // The same path with another method is not one of the name's.
  EXPECT_EQ(found("POST", "/v2/models/stats").endpoint, nullptr);
  EXPECT_EQ(found("POST", "/v2/models/stats").allowed, "GET, HEAD");
}

TEST(Router, ATrailingSlashAndHeadMakeNoDifference) {
  EXPECT_EQ(found("GET", "/v2/models/bert/").endpoint, &kEndpoints[1]);
  EXPECT_EQ(found("HEAD", "/v2/models/bert").endpoint, &kEndpoints[1]);
}

TEST(Router, WhatIsNotThereIsToldFromWhatMayNotBeDone) {
  EXPECT_THAT(found("GET", "/v3").allowed, IsEmpty());
  EXPECT_EQ(found("DELETE", "/v2/models/bert").allowed, "GET, HEAD, POST");
  EXPECT_EQ(found("DELETE", "/v2/models/bert").endpoint, nullptr);
}

}  // namespace
}  // namespace accel::server
