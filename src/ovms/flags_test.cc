#include "ovms/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel::ovms {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Translated translated(const std::vector<std::string>& arguments) {
  auto made = translate_flags(arguments);
  EXPECT_TRUE(made.ok()) << made.status().to_string();
  return made.ok() ? std::move(*made) : Translated{};
}

Status refused_flags(const std::vector<std::string>& arguments) {
  return translate_flags(arguments).status();
}

TEST(OvmsFlags, AreNoneAmongThoseOfAccel) {
  const std::vector<std::string> own{"minilm=a/b", "--http", "127.0.0.1:0",
                                     "--lazy",     "--",     "--port"};
  const Translated same = translated(own);
  EXPECT_EQ(same.arguments, own);
  EXPECT_FALSE(same.look_seconds.has_value());
  EXPECT_FALSE(same.model.has_value());
  EXPECT_THAT(same.notices, IsEmpty());
}

TEST(OvmsFlags, OfASingleModelBecomeAModel) {
  const Translated made =
      translated({"--model_name", "resnet", "--model_path=/models/resnet", "--target_device", "GPU",
                  "--plugin_config", R"({"NUM_STREAMS": "2"})", "--model_version_policy",
                  R"({"all": {}})", "--keys", "keys.yaml", "--nireq", "4", "--batch_size", "auto"});
  ASSERT_TRUE(made.model.has_value());
  EXPECT_EQ(made.model->name, "resnet");
  EXPECT_EQ(made.model->base_path, "/models/resnet");
  EXPECT_EQ(made.model->policy.kind, VersionPolicy::Kind::kAll);
  ASSERT_THAT(made.model->settings, SizeIs(2));
  EXPECT_EQ(made.model->settings[0].source, "--plugin_config.NUM_STREAMS");
  EXPECT_EQ(made.model->settings[1].value, "GPU");
  EXPECT_THAT(made.arguments, ElementsAre("--keys", "keys.yaml"));
  EXPECT_THAT(made.notices, ElementsAre(HasSubstr("--batch_size: has no effect"),
                                        HasSubstr("--nireq: has no effect")));
  EXPECT_EQ(made.look_seconds, 1);
}

TEST(OvmsFlags, SayWhereToListenAndBindLoopback) {
  const Translated both = translated({"--port", "9000", "--rest_port", "8000", "m"});
  EXPECT_THAT(both.arguments,
              ElementsAre("--http", "127.0.0.1:8000", "--grpc", "127.0.0.1:9000", "m"));
  EXPECT_THAT(both.notices, ElementsAre(HasSubstr("--port: at 127.0.0.1 alone"),
                                        HasSubstr("--rest_port: at 127.0.0.1 alone")));
  EXPECT_THAT(both.notices[1], HasSubstr("--rest_bind_address 0.0.0.0 with --keys"));

  const Translated bound = translated({"--port", "9000", "--grpc_bind_address", "0.0.0.0",
                                       "--rest_port", "8000", "--rest_bind_address", "::1"});
  EXPECT_THAT(bound.arguments, ElementsAre("--http", "[::1]:8000", "--grpc", "0.0.0.0:9000"));
  EXPECT_THAT(bound.notices, IsEmpty());

  const Translated grpc = translated({"--port=9000", "--rest_port", "0"});
  EXPECT_THAT(grpc.arguments, ElementsAre("--http", "127.0.0.1:9000"));
  EXPECT_THAT(grpc.notices[0], HasSubstr("takes HTTP and gRPC"));

  EXPECT_THAT(translated({"--rest_bind_address", "::1"}).notices,
              ElementsAre(HasSubstr("no effect without --rest_port")));
}

TEST(OvmsFlags, OfTheServerAreTranslatedOrAnswered) {
  const Translated made = translated(
      {"--config_path", "c.json", "--file_system_poll_wait_seconds", "0", "--log_level", "DEBUG",
       "--cache_dir", "/cache", "--allowed_origins", "*", "--metrics_enable", "--grpc_workers", "4",
       "--log_path", "x.log", "--metrics_enable=false", "--max_sequence_number", "7"});
  EXPECT_EQ(made.config_path, "c.json");
  EXPECT_EQ(made.look_seconds, 0);
  EXPECT_EQ(made.log_level, "debug");
  EXPECT_EQ(made.settings.at(0).key, "cache_dir");
  EXPECT_THAT(made.arguments, ElementsAre("--origins", "*"));
  EXPECT_THAT(made.notices,
              ElementsAre(HasSubstr("--grpc_workers: has no effect"), HasSubstr("--log-requests"),
                          HasSubstr("--max_sequence_number"), HasSubstr("--metrics_enable")));
}

TEST(OvmsFlags, OfMediaAreThoseOfInputs) {
  EXPECT_THAT(translated({"--config_path", "c.json", "--allowed_media_domains", "a.org,b.org",
                          "--allowed_local_media_path", "/media"})
                  .arguments,
              ElementsAre("--input-files", "/media", "--input-hosts", "a.org,b.org"));
}

TEST(OvmsFlags, ThatAreWrongAreRefused) {
  const auto expect_refused = [](const std::vector<std::string>& arguments, std::string_view part) {
    EXPECT_THAT(refused_flags(arguments).message(), HasSubstr(part)) << arguments[0];
  };
  expect_refused({"--model_nam", "m"}, "did you mean --model_name?");
  expect_refused({"--port"}, "--port: expected a value");
  expect_refused({"--port", "70000"}, "a whole number from 0 to 65535, found '70000'");
  expect_refused({"--rest_port", "x"}, "--rest_port: expected a whole number");
  expect_refused({"--port", "1", "--rest_port", "1"}, "another one than --rest_port");
  expect_refused({"--port", "1", "--http", "127.0.0.1:0"}, "--http: expected none beside --port");
  expect_refused({"--port", "1", "--grpc_bind_address", "a,b"}, "expected one address");
  expect_refused({"--model_name", "m"}, "found no --model_path");
  expect_refused({"--model_path", "m"}, "found no --model_name");
  expect_refused({"--target_device", "CPU"}, "found no --model_name");
  expect_refused({"--config_path", "c", "--model_name", "m"}, "beside --config_path");
  expect_refused({"--config_path", ""}, "--config_path: expected a file");
  expect_refused({"--log_level", "LOUD"}, "TRACE, DEBUG, INFO");
  expect_refused({"--metrics_enable=1"}, "true or false");
  expect_refused({"--model_name", "m", "--model_path", "p", "--plugin_config", "{"},
                 "--plugin_config");
  expect_refused({"--model_name", "m", "--model_path", "p", "--layout", "NHWC:NCHW"}, "--layout");
  EXPECT_EQ(refused_flags({"--model_name", "m", "--model_path", "p", "--stateful"}).code(),
            StatusCode::kUnimplemented);
  expect_refused({"--pull", "--source_model", "x"}, "accel pull");
  expect_refused({"--add_to_config", "x"}, "config.json");
  expect_refused({"--cpu_extension", "x.so"}, "no libraries");
}

}  // namespace
}  // namespace accel::ovms
