// Detects the hardware, loads a model, runs it, and measures it on request:
//   hardware_and_benchmark MODEL_FOLDER [--benchmark] [--iterations N] [--output-json FILE]
#include <accel/engine.h>
#include <accel/hardware.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace {

struct Arguments {
  std::string model;
  std::string output_json;
  bool benchmark = false;
  int iterations = 20;
};

bool parse(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--benchmark") {
      arguments.benchmark = true;
    } else if (word == "--iterations" && i + 1 < argc) {
      arguments.iterations = std::max(1, std::atoi(argv[++i]));
    } else if (word == "--output-json" && i + 1 < argc) {
      arguments.output_json = argv[++i];
    } else if (word.starts_with("--") || !arguments.model.empty()) {
      return false;
    } else {
      arguments.model = word;
    }
  }
  return !arguments.model.empty();
}

int fail(const accel::Status& status) {
  std::fprintf(stderr, "%s\n", status.to_string().c_str());
  return accel::exit_code(status.code());
}

struct Figures {
  double average_ms, least_ms, most_ms, p50_ms, p95_ms, texts_per_sec;
};

accel::Result<Figures> measure(accel::Model& model, const std::vector<std::string>& texts,
                               int iterations) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  for (int i = -3; i < iterations; ++i) {  // three to warm up, not counted
    const auto start = Clock::now();
    auto result = model.embed(texts);
    if (!result.ok()) return result.status();
    if (i >= 0) {
      times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    }
  }
  std::sort(times.begin(), times.end());
  double sum = 0;
  for (const double time : times) sum += time;
  const auto at = [&](double part) {
    return times[static_cast<size_t>(part * (times.size() - 1))];
  };
  return Figures{sum / static_cast<double>(times.size()),
                 times.front(),
                 times.back(),
                 at(0.5),
                 at(0.95),
                 1000.0 * static_cast<double>(texts.size() * times.size()) / sum};
}

std::string to_json(const Figures& f, const accel::RunReport& report, int iterations) {
  char text[512];
  std::snprintf(text, sizeof text,
                "{\"iterations\": %d, \"warm_up\": 3, \"avg_ms\": %.3f, \"min_ms\": %.3f, "
                "\"max_ms\": %.3f, \"p50_ms\": %.3f, \"p95_ms\": %.3f, \"texts_per_sec\": %.1f, "
                "\"backend\": \"%s\", \"device\": \"%s\", \"precision\": \"%s\"}\n",
                iterations, f.average_ms, f.least_ms, f.most_ms, f.p50_ms, f.p95_ms,
                f.texts_per_sec, report.backend.c_str(), report.device.c_str(),
                std::string(to_string(report.precision)).c_str());
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!parse(argc, argv, arguments)) {
    std::fprintf(stderr, "usage: hardware_and_benchmark MODEL_FOLDER [--benchmark] "
                         "[--iterations N] [--output-json FILE]\n");
    return 2;
  }
  auto engine = accel::Engine::create();
  if (!engine.ok()) return fail(engine.status());
  for (const accel::DeviceReport& device : (*engine)->devices()) {
    std::printf("%s %s: %s, runs", device.backend.c_str(), device.name.c_str(),
                device.full_name.c_str());
    for (const accel::Precision precision : device.precisions) {
      std::printf(" %s", std::string(to_string(precision)).c_str());
    }
    std::printf("\n");
  }
  const accel::AccelerateStatus status = accel::get_accelerate_status(**engine);
  std::printf("acceleration is %s\n", status.effect.c_str());
  for (const accel::HardwareReport& one : status.hardware) {
    std::printf("%s: %s, %s\n", std::string(to_string(one.type)).c_str(),
                one.available ? "yes" : "no", one.reason.c_str());
  }

  auto model = (*engine)->load({.path = arguments.model});
  if (!model.ok()) return fail(model.status());
  const std::vector<std::string> texts{"The train leaves at nine.", "Departure is at 9 a.m.",
                                       "Bread needs flour, water, salt and time."};
  auto result = (*model)->embed(texts);
  if (!result.ok()) return fail(result.status());
  std::printf("%zu texts -> %s on %s\n", texts.size(),
              accel::to_string(result->embeddings.shape()).c_str(), result->report.device.c_str());

  if (!arguments.benchmark) return 0;
  auto figures = measure(**model, texts, arguments.iterations);
  if (!figures.ok()) return fail(figures.status());
  const std::string json = to_json(*figures, result->report, arguments.iterations);
  if (arguments.output_json.empty()) {
    std::fputs(json.c_str(), stdout);
  } else {
    std::ofstream(arguments.output_json) << json;
  }
  return 0;
}
