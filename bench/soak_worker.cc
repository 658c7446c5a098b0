// accel_bench_soak MODEL [ROUNDS [REQUESTS]]: whether memory grows. Loads, runs and unloads the
// model so many times (100), then asks one that stays loaded for so many texts of 1 to 40 words
// (1,000,000). Prints one JSON object: resident memory in KiB after each round, and after each
// hundredth of the requests.
#include <algorithm>
#include <charconv>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "accel/engine.h"
#include "base/try.h"
#include "process_memory.h"

namespace accel::bench {
namespace {

using nlohmann::json;

constexpr int kMarks = 100;
constexpr int kWordsMost = 40;

std::string text_of(std::mt19937& random) {
  static constexpr std::string_view kWords[] = {"a",     "model", "answers", "what",  "somebody",
                                                "asked", "of",    "it",      "today", "again"};
  std::string text;
  const int words = std::uniform_int_distribution<int>(1, kWordsMost)(random);
  for (int i = 0; i < words; ++i) {
    text += kWords[random() % std::size(kWords)];
    text += ' ';
  }
  return text;
}

Result<json> rounds_of(Engine& engine, const LoadOptions& options, int count) {
  std::mt19937 random(1);
  json resident = json::array();
  for (int i = 0; i < count; ++i) {
    ACCEL_ASSIGN(const auto model, engine.load(options));
    ACCEL_TRY(model->embed({text_of(random)}).status());
    ACCEL_TRY(model->unload());
    resident.push_back(memory_kib("VmRSS"));
  }
  return resident;
}

Result<json> requests_of(Engine& engine, const LoadOptions& options, int64_t count) {
  ACCEL_ASSIGN(const auto model, engine.load(options));
  std::mt19937 random(1);
  json resident = json::array();
  for (int64_t i = 1; i <= count; ++i) {
    ACCEL_TRY(model->embed({text_of(random)}).status());
    if (i % std::max<int64_t>(count / kMarks, 1) == 0) resident.push_back(memory_kib("VmRSS"));
  }
  return resident;
}

Result<json> measure(const std::string& path, int rounds, int64_t requests) {
  ACCEL_ASSIGN(const auto engine, Engine::create());
  const LoadOptions options{.path = path, .precision = Precision::kF32};
  json found;
  ACCEL_ASSIGN(found["round_kib"], rounds_of(*engine, options, rounds));
  ACCEL_ASSIGN(found["request_kib"], requests_of(*engine, options, requests));
  return found;
}

int64_t number_of(std::string_view text, int64_t otherwise) {
  std::from_chars(text.data(), text.data() + text.size(), otherwise);
  return otherwise;
}

}  // namespace
}  // namespace accel::bench

int main(int count, char** arguments) {
  using namespace accel::bench;
  const std::vector<std::string> given(arguments + 1, arguments + count);
  if (given.empty() || given.size() > 3) {
    std::cerr << "expected: accel_bench_soak MODEL [ROUNDS [REQUESTS]]\n";
    return 2;
  }
  const auto number = [&](size_t i, int64_t otherwise) {
    return i < given.size() ? number_of(given[i], otherwise) : otherwise;
  };
  const auto found = measure(given[0], static_cast<int>(number(1, 100)), number(2, 1'000'000));
  if (!found.ok()) {
    std::cerr << found.status().to_string() << '\n';
    return 1;
  }
  std::cout << found->dump() << std::endl;
}
