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

// The argument, or what stands in its place.
int64_t number_at(int count, char** arguments, int i, int64_t otherwise) {
  if (i >= count) return otherwise;
  const std::string_view text = arguments[i];
  std::from_chars(text.data(), text.data() + text.size(), otherwise);
  return otherwise;
}

}  // namespace
}  // namespace accel::bench

int main(int count, char** arguments) {
  if (count < 2 || count > 4) {
    std::cerr << "expected: accel_bench_soak MODEL [ROUNDS [REQUESTS]]\n";
    return 2;
  }
  const auto rounds = static_cast<int>(accel::bench::number_at(count, arguments, 2, 100));
  const int64_t requests = accel::bench::number_at(count, arguments, 3, 1'000'000);
  const auto found = accel::bench::measure(arguments[1], rounds, requests);
  if (!found.ok()) {
    std::cerr << found.status().to_string() << '\n';
    return 1;
  }
  std::cout << found->dump() << std::endl;
}
