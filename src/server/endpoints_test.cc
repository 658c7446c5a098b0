// Every endpoint of the list: bytes to what the service is asked, events to bytes.
#include "server/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/json.h"

namespace accel::server {
namespace {

TEST(Endpoints, AreEachTheOnlyOneOfTheirPathAndMethod) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const Endpoint& one : endpoints()) {
    EXPECT_TRUE(seen.emplace(one.path, one.method).second) << one.path;
    EXPECT_NE(one.parse != nullptr, one.answer != nullptr) << one.path;
    EXPECT_TRUE(one.path.starts_with('/'));
    EXPECT_FALSE(one.summary.empty() || one.summary.ends_with('.')) << one.path;
    const auto operation = parse_json(one.operation);
    ASSERT_TRUE(operation.ok()) << one.path << ": " << operation.status().to_string();
    EXPECT_TRUE(operation->contains("responses")) << one.path;
  }
}

}  // namespace
}  // namespace accel::server
