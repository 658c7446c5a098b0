// accel similarity: every text against every other, by the cosine of their embeddings.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "base/cosine.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/model_flags.h"
#include "cli/server_flags.h"
#include "cli/statistics.h"
#include "cli/table.h"

namespace accel::cli {
namespace {

constexpr size_t kTextsMax = 4096;  // the table has their square
constexpr size_t kMatrixTextsMax = 12;
constexpr size_t kPairsMax = 100;

struct Pair {
  size_t first;
  size_t second;
  double cosine;
};

// Of every two texts, the closest first.
std::vector<Pair> pairs_of(const Tensor& embeddings) {
  const auto count = static_cast<size_t>(embeddings.shape()[0]);
  const auto numbers = embeddings.data<float>();
  const size_t size = numbers.size() / count;
  std::vector<Pair> pairs;
  for (size_t i = 0; i < count; ++i) {
    for (size_t j = i + 1; j < count; ++j) {
      pairs.push_back(
          {i, j,
           cosine_similarity(numbers.subspan(i * size, size), numbers.subspan(j * size, size))});
    }
  }
  std::ranges::stable_sort(pairs, std::ranges::greater(), &Pair::cosine);
  return pairs;
}

std::string matrix_text(const std::vector<Pair>& pairs, size_t count) {
  std::vector<std::vector<std::string>> rows(count, std::vector<std::string>(count, "1.000"));
  for (const Pair& pair : pairs) {
    rows[pair.first][pair.second] = rows[pair.second][pair.first] =
        fmt::format("{:.3f}", pair.cosine);
  }
  Table table(std::vector<Align>(count + 1, Align::kRight));
  std::vector<std::string> head{""};
  for (size_t i = 0; i < count; ++i) head.push_back(std::to_string(i + 1));
  table.add(head);
  for (size_t i = 0; i < count; ++i) {
    rows[i].insert(rows[i].begin(), std::to_string(i + 1));
    table.add(rows[i]);
  }
  return table.text(2);
}

std::string readable(const std::vector<std::string>& texts, const std::vector<Pair>& pairs,
                     const EmbedResult& result) {
  std::string out;
  Table list({Align::kRight});
  for (size_t i = 0; i < texts.size(); ++i) list.add({std::to_string(i + 1), texts[i]});
  out += "texts\n" + list.text(2);
  if (texts.size() <= kMatrixTextsMax) out += "\ncosine\n" + matrix_text(pairs, texts.size());
  Table closest({Align::kRight, Align::kRight, Align::kLeft});
  for (const Pair& pair : std::span(pairs).first(std::min(pairs.size(), kPairsMax))) {
    closest.add({fmt::format("{:.3f}", pair.cosine), std::to_string(pair.first + 1),
                 std::to_string(pair.second + 1)});
  }
  out += "\nclosest first\n" + closest.text(2);
  const RunReport& report = result.report;
  out +=
      fmt::format("\n{} numbers each, computed by {} on {} in {}\n", result.embeddings.shape()[1],
                  report.backend, report.device, to_string(report.precision));
  return out;
}

std::string as_json(const std::vector<std::string>& texts, const std::vector<Pair>& pairs,
                    const RunReport& report) {
  nlohmann::ordered_json out{{"texts", texts}};
  auto& list = out["pairs"] = nlohmann::ordered_json::array();
  for (const Pair& pair : pairs) {
    list.push_back({{"first", pair.first}, {"second", pair.second}, {"cosine", pair.cosine}});
  }
  if (!report.server.empty()) out["server"] = report.server;
  out["backend"] = report.backend;
  out["device"] = report.device;
  out["precision"] = to_string(report.precision);
  out["simulated"] = report.simulated;
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Result<EmbedResult> embed(const ModelFlags& flags, const ServerFlags& server,
                          const std::vector<std::string>& texts, const EmbedOptions& options) {
  if (server.given()) {
    ACCEL_ASSIGN(const auto remote, server.open(flags, /*named=*/true, /*interrupt=*/nullptr));
    return remote->embed(texts, options);
  }
  ACCEL_ASSIGN(const auto engine, flags.make_engine());
  ACCEL_ASSIGN(const auto model, flags.load(*engine, Use::kEmbed));
  return model->embed(texts, options);
}

}  // namespace

Status run_similarity(const Command& command, const Arguments& arguments) {
  ModelFlags model_flags;
  ServerFlags server;
  std::vector<std::string> texts;
  EmbedOptions options;
  bool json = false;
  Flags flags(command);
  model_flags.declare(flags);
  flags.arguments("TEXT", &texts, 2, "two or more texts");
  server.declare(flags);
  flags.text("--prompt", "NAME", &options.prompt, "one of the model's prompts");
  flags.flag("--json", &json, "for programs; the texts of a pair count from 0");
  flags.example("accel similarity all-MiniLM-L6-v2 'fresh bread' 'a bakery' 'a login form'");
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  if (texts.size() > kTextsMax) {
    return invalid_argument(
        fmt::format("expected at most {} texts, found {}", kTextsMax, texts.size()));
  }
  ACCEL_ASSIGN(const EmbedResult result, embed(model_flags, server, texts, options));
  const std::vector<Pair> pairs = pairs_of(result.embeddings);
  ACCEL_TRY(print(json ? as_json(texts, pairs, result.report) : readable(texts, pairs, result)));
  notice_report(result.report, model_flags.model);
  return {};
}

}  // namespace accel::cli
