#include "hub/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "store/scratch_folder.h"

namespace accel::hub {
namespace {

using testing::HasSubstr;
using testing::Not;

Variable variables(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const char* name) -> const char* {
    const auto found = values.find(name);
    return found == values.end() ? nullptr : found->second.c_str();
  };
}

TEST(Settings, ThePlacesOfTheHubsClients) {
  const auto cache = [](std::map<std::string, std::string> values) {
    return user_places(variables(std::move(values))).cache.string();
  };
  EXPECT_EQ(cache({{"HOME", "/h"}}), "/h/.cache/huggingface/hub");
  EXPECT_EQ(cache({{"HOME", "/h"}, {"XDG_CACHE_HOME", "/x"}}), "/x/huggingface/hub");
  EXPECT_EQ(cache({{"HOME", "/h"}, {"HF_HOME", "/hf"}}), "/hf/hub");
  EXPECT_EQ(cache({{"HOME", "/h"}, {"HF_HOME", "~/hf"}}), "/h/hf/hub");
  EXPECT_EQ(cache({{"HF_HOME", "/hf"}, {"HUGGINGFACE_HUB_CACHE", "/old"}}), "/old");
  EXPECT_EQ(cache({{"HF_HUB_CACHE", "/new"}, {"HUGGINGFACE_HUB_CACHE", "/old"}}), "/new");
  EXPECT_EQ(cache({}), "");
  const auto aliases = [](std::map<std::string, std::string> values) {
    return user_places(variables(std::move(values))).aliases.string();
  };
  EXPECT_EQ(aliases({{"HOME", "/h"}}), "/h/.config/accel/aliases.json");
  EXPECT_EQ(aliases({{"HOME", "/h"}, {"XDG_CONFIG_HOME", "/c"}}), "/c/accel/aliases.json");
  EXPECT_EQ(aliases({{"HOME", "/h"}, {"ACCEL_CONFIG_DIR", "/a"}}), "/a/aliases.json");
  EXPECT_EQ(aliases({}), "");
}

TEST(Settings, Endpoints) {
  EXPECT_EQ(*endpoint("https://hub.example/base/", variables({})), "https://hub.example/base");
  EXPECT_EQ(*endpoint("", variables({{"HF_ENDPOINT", "http://127.0.0.1:80"}})),
            "http://127.0.0.1:80");
  EXPECT_TRUE(endpoint("", variables({}))->starts_with("https://"));
  for (const char* bad : {"host", "ftp://host", "https://", "https:///x", "https://a b",
                          "https://h/?q", "https://h/#f", "https://h\n", "https://\xc3\xa4"}) {
    EXPECT_EQ(endpoint(bad, variables({})).status().code(), StatusCode::kInvalidArgument) << bad;
  }
  EXPECT_THAT(endpoint("https://me:secret@host", variables({})).status().message(),
              Not(HasSubstr("secret")));
}

TEST(Settings, Tokens) {
  const store::ScratchFolder home;
  const std::string folder = home.path().string();
  EXPECT_EQ(*token(variables({})), "");
  EXPECT_EQ(*token(variables({{"HF_HOME", folder}})), "");
  store::write_text(home / "token", "from-home\n");
  store::write_text(home / "other", "from-path");
  EXPECT_EQ(*token(variables({{"HF_HOME", folder}})), "from-home");
  EXPECT_EQ(*token(variables({{"HF_HOME", folder}, {"HF_TOKEN_PATH", home / "other"}})),
            "from-path");
  EXPECT_EQ(*token(variables({{"HF_HOME", folder}, {"HUGGING_FACE_HUB_TOKEN", "old"}})), "old");
  EXPECT_EQ(*token(variables({{"HF_TOKEN", " new\n"}, {"HUGGING_FACE_HUB_TOKEN", "old"}})), "new");
  EXPECT_EQ(*token(variables({{"HF_TOKEN", "x"}, {"HF_HUB_DISABLE_IMPLICIT_TOKEN", "yes"}})), "");
  const Status bad = token(variables({{"HF_TOKEN", "sec ret"}})).status();
  EXPECT_EQ(bad.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(bad.message(), Not(HasSubstr("ret")));
}

TEST(Settings, Offline) {
  EXPECT_FALSE(offline(variables({})));
  EXPECT_FALSE(offline(variables({{"HF_HUB_OFFLINE", "0"}})));
  EXPECT_TRUE(offline(variables({{"HF_HUB_OFFLINE", "true"}})));
  EXPECT_TRUE(offline(variables({{"TRANSFORMERS_OFFLINE", "1"}})));
  EXPECT_EQ(ca_file(variables({{"SSL_CERT_FILE", "/b"}, {"CURL_CA_BUNDLE", "/a"}})), "/a");
  EXPECT_EQ(ca_file(variables({})), "");
}

}  // namespace
}  // namespace accel::hub
