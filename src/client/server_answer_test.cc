#include "client/server_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel::client {
namespace {

using testing::HasSubstr;

TEST(ServerAnswer, AnErrorHasTheServersWordsAndCode) {
  const Status own = status_of({.code = 400,
                                .headers = {{"x-accel-status", "FAILED_PRECONDITION"}},
                                .body = R"({"error": "not so"})"});
  EXPECT_EQ(own.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(own.message(), "not so");
  const Status openai = status_of({.code = 503, .body = R"({"error": {"message": "full"}})"});
  EXPECT_EQ(openai.code(), StatusCode::kUnavailable);
  EXPECT_EQ(openai.message(), "full");
  EXPECT_EQ(status_of({.code = 418, .body = "a teapot"}).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status_of({.code = 418, .body = "a teapot"}).message(), "a teapot");
  EXPECT_THAT(status_of({.code = 502, .body = "<html>"}).message(), HasSubstr("HTTP 502"));
  EXPECT_EQ(status_of({.code = 302}).code(), StatusCode::kUnavailable);
  EXPECT_THAT(status_of({.code = 401}).message(), HasSubstr("ACCEL_SERVER_KEY"));
  EXPECT_TRUE(status_of({.code = 200}).ok());
}

TEST(ServerAnswer, HeadersSayWhatRan) {
  const RunReport report = report_of({.code = 200,
                                      .headers = {{"x-accel-backend", "reference"},
                                                  {"x-accel-device", "CPU"},
                                                  {"x-accel-precision", "bf16"},
                                                  {"x-accel-fallback", "no such device"}}},
                                     "http://host", "m");
  EXPECT_EQ(report.server, "http://host");
  EXPECT_EQ(report.model, "m");
  EXPECT_EQ(report.backend, "reference");
  EXPECT_EQ(report.precision, Precision::kBF16);
  EXPECT_TRUE(report.fallback);
  EXPECT_EQ(report.fallback_reason, "no such device");
  EXPECT_FALSE(report.simulated);
}

}  // namespace
}  // namespace accel::client
