// The catalogue of errors, tests/data/errors.json, in the library: type and message are the same
// with every backend. tests/journey/test_errors.py has the program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "accel/engine.h"
#include "base/files.h"
#include "base/json.h"
#include "models/tiny_bert.h"

namespace accel {
namespace {

namespace fs = std::filesystem;

const fs::path kData = ACCEL_TEST_DATA;

std::string read_all(const fs::path& path) { return read_file(path, 64 << 20).value(); }

void write_all_of(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

void replace_all(std::string& text, const std::string& old, const std::string& by) {
  for (size_t at = text.find(old); at != std::string::npos; at = text.find(old, at + by.size())) {
    text.replace(at, old.size(), by);
  }
}

// Whether `text` is `pattern`, in which "..." is any text.
bool matches(std::string_view text, std::string_view pattern) {
  const size_t dots = pattern.find("...");
  if (dots == std::string_view::npos) return text == pattern;
  const std::string_view head = pattern.substr(0, dots);
  if (!text.starts_with(head)) return false;
  const std::string_view rest = pattern.substr(dots + 3);
  for (size_t begin = head.size(); begin <= text.size(); ++begin) {
    if (matches(text.substr(begin), rest)) return true;
  }
  return false;
}

// The path of a model as the entry wants it.
fs::path make_model(const Json& recipe, const fs::path& folder) {
  fs::path path = folder / "a.model";
  if (recipe.contains("known")) return kData / recipe["known"].get<std::string>();
  if (recipe.contains("file")) write_all_of(path, recipe["file"]);
  if (!recipe.contains("copy")) return path;
  fs::copy(kData / recipe["copy"].get<std::string>(), path, fs::copy_options::recursive);
  const Json none = Json::object();
  const auto changes = [&](const char* key) { return recipe.value(key, none); };
  for (const Json& name : recipe.value("remove", Json::array())) {
    fs::remove(path / name.get<std::string>());
  }
  const Json written = changes("write");
  for (const auto& [name, text] : written.items()) write_all_of(path / name, text);
  const Json replaced = changes("replace");
  for (const auto& [name, pair] : replaced.items()) {
    std::string text = read_all(path / name);
    replace_all(text, pair[0], pair[1]);
    write_all_of(path / name, text);
  }
  const Json cut = changes("truncate");
  for (const auto& [name, size] : cut.items()) fs::resize_file(path / name, size.get<uint64_t>());
  return path;
}

// What an entry is provoked with.
struct Provocation {
  Engine& engine;
  LoadOptions load;
  const Json& error;
  std::string output;  // a path where nothing is

  Json option(const char* key, const Json& otherwise) const {
    return error.value("options", Json::object()).value(key, otherwise);
  }
};

Status embed(const Provocation& one) {
  const auto model = one.engine.load(one.load);
  if (!model.ok()) return model.status();
  return (*model)
      ->embed({"a text"},
              {.prompt = one.option("prompt", ""), .dimensions = one.option("dimensions", 0)})
      .status();
}

Status run(const Provocation& one) {
  LoadOptions options = one.load;
  options.use = Use::kRun;
  options.task = one.option("task", "");
  const auto model = one.engine.load(options);
  if (!model.ok()) return model.status();
  return (*model)->run({{.text = "a text"}}, {.task = options.task}).status();
}

Status infer(const Provocation& one) {
  LoadOptions options = one.load;
  options.use = Use::kInfer;
  const auto model = one.engine.load(options);
  if (!model.ok()) return model.status();
  NamedTensors inputs;
  for (const auto& [name, values] : one.error["inputs"].items()) {
    const auto numbers = values.get<std::vector<int64_t>>();
    inputs.push_back(
        {name, Tensor::from<int64_t>({1, static_cast<int64_t>(numbers.size())}, numbers)});
  }
  return (*model)->infer(inputs).status();
}

Status unload_twice(const Provocation& one) {
  const auto model = one.engine.load(one.load);
  if (!model.ok()) return model.status();
  if (const Status first = (*model)->unload(); !first.ok()) return first;
  const Status second = (*model)->unload();
  EXPECT_EQ((*model)->embed({"a text"}).status().to_string(), second.to_string());
  return second;
}

Status convert_twice(const Provocation& one) {
  const ConvertOptions options{.source = one.load.path, .output = one.output, .check = false};
  const auto first = one.engine.convert(options);
  if (!first.ok()) return first.status();
  return one.engine.convert(options).status();
}

Status cancel_a_stream(const Provocation& one) {
  const auto model = one.engine.load(one.load);
  if (!model.ok()) return model.status();
  const auto stream = (*model)->embed_stream();
  if (!stream.ok()) return stream.status();
  (*stream)->cancel();
  EXPECT_EQ((*stream)->next().status().code(), StatusCode::kCancelled);
  return (*stream)->push("a text");
}

Status submit_late(const Provocation& one) {
  const auto model = one.engine.load(one.load);
  if (!model.ok()) return model.status();
  auto pending =
      (*model)->submit({.text = "a text"}, {.task = "sentence-embedding", .timeout_ms = 0.0});
  return pending.ok() ? (*pending)->get().status() : pending.status();
}

const std::map<std::string, std::function<Status(const Provocation&)>> kCalls{
    {"cancel a stream", cancel_a_stream},
    {"convert twice", convert_twice},
    {"embed", embed},
    {"infer", infer},
    {"run", run},
    {"submit late", submit_late},
    {"unload twice", unload_twice},
};

class Errors : public testing::TestWithParam<std::string> {
 protected:
  // What is compared here are the backends, however the suite is run.
  Errors() { ::unsetenv("IPFS_ACCELERATE_ENABLED"); }
};

// row 150
TEST_P(Errors, HaveTheTypeAndMessageOfTheCatalogue) {
  const Json catalogue = read_json(kData / "errors.json").value();
  int provoked = 0;
  for (const Json& error : catalogue["errors"]) {
    if (error.value("only", "") == "program") continue;
    SCOPED_TRACE(error["name"].get<std::string>());
    const models::ScratchFolder scratch;
    const auto engine =
        Engine::create({.cache_dir = (scratch.path() / "cache").string(), .probe = false});
    ASSERT_TRUE(engine.ok());
    Provocation one{.engine = **engine,
                    .load = {.path = make_model(error["model"], scratch.path()).string(),
                             .backend = GetParam()},
                    .error = error,
                    .output = (scratch.path() / "out").string()};
    one.load.device = one.option("device", "CPU");
    one.load.threads = one.option("threads", 0);
    one.load.model_format = one.option("model_format", "");
    one.load.precision =
        parse_precision(one.option("precision", "auto").get<std::string>()).value();
    const auto call = kCalls.find(error["call"].get<std::string>());
    ASSERT_NE(call, kCalls.end()) << "nothing here makes that call";
    const Status status = call->second(one);
    EXPECT_EQ(to_string(status.code()), error["status"].get<std::string>()) << status.message();
    std::string message = error["message"];
    replace_all(message, "{model}", one.load.path);
    replace_all(message, "{output}", one.output);
    EXPECT_TRUE(matches(status.message(), message))
        << "expected: " << message << "\nfound:    " << status.message();
    ++provoked;
  }
  EXPECT_GT(provoked, 20);
}

INSTANTIATE_TEST_SUITE_P(Backends, Errors, testing::Values("openvino", "reference"),
                         [](const auto& tested) { return tested.param; });

TEST(ErrorPatterns, AMessageIsComparedWhole) {
  EXPECT_TRUE(matches("a b c", "a ... c"));
  EXPECT_TRUE(matches("a b c", "a b..."));
  EXPECT_FALSE(matches("a b c", "a b"));
  EXPECT_FALSE(matches("a b c", "b c"));
  EXPECT_FALSE(matches("a b c", "a ... d"));
}

}  // namespace
}  // namespace accel
