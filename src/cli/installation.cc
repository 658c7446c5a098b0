#include "cli/installation.h"

#include <dlfcn.h>
#include <fmt/core.h>
#include <fmt/format.h>
#include <link.h>
#include <unistd.h>
#include <zlib.h>

#include <CLI/Version.hpp>
#include <algorithm>
#include <charconv>
#include <system_error>

#include "audio/library_versions.h"
#include "backends/openvino/openvino_backend.h"
#include "cli/table.h"
#include "cli/wire.h"
#include "hub/http.h"
#include "image/library_versions.h"
#include "text/tokenizer.h"

namespace accel::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kOpenVinoMinimum = "2026.4";
constexpr std::string_view kCpuPlugin = "libopenvino_intel_cpu_plugin.so";

// The folder of the engine's library in this process; empty when it is linked otherwise.
fs::path engine_folder() {
  fs::path folder;
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* found) {
        const fs::path library = info->dlpi_name;
        if (!library.filename().string().starts_with("libopenvino.so")) return 0;
        *static_cast<fs::path*>(found) = library.parent_path();
        return 1;
      },
      &folder);
  return folder;
}

// The file of `folder` whose name begins so, versions being what differs; else the name itself.
fs::path file_in(const fs::path& folder, const std::string& prefix) {
  std::error_code error;
  for (fs::directory_iterator at(folder, error); !error && at != fs::directory_iterator();
       at.increment(error)) {
    if (at->path().filename().string().starts_with(prefix)) return at->path();
  }
  return folder / prefix;
}

// "tokenizers 0.23.2, minijinja 2.24.0" -> the version behind `name`.
std::string version_in(std::string_view list, std::string_view name) {
  const size_t at = list.find(name);
  if (at == std::string_view::npos) return "";
  std::string_view rest = list.substr(at + name.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  return std::string(rest.substr(0, rest.find(',')));
}

std::string compiler_version() {
#if defined(__clang__)
  return fmt::format("clang {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
  return fmt::format("g++ {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
}

// Those that are compiled in: they cannot be missing, only older than what accel is tested with.
void add_built_in(std::vector<Component>& list) {
  const std::string_view textkit = text::library_versions();
  const auto add = [&](std::string name, std::string version, std::string minimum) {
    const bool fine = at_least(version, minimum);
    list.push_back({std::move(name), std::move(version), std::move(minimum), fine});
    if (!fine) list.back().reason = "older than what accel is tested with";
  };
  add("tokenizers", version_in(textkit, "tokenizers"), "0.22");
  add("minijinja", version_in(textkit, "minijinja"), "2.0");
  const std::string images = image::library_versions();
  add("libpng", version_in(images, "libpng"), "1.6");
  add("libwebp", version_in(images, "libwebp"), "1.2");
  const bool turbo = images.find("libjpeg-turbo") != std::string::npos;
  add(turbo ? "libjpeg-turbo" : "libjpeg", version_in(images, turbo ? "libjpeg-turbo" : "libjpeg"),
      turbo ? "2.0" : "6");
  const std::string sounds = audio::library_versions();
  add("libsndfile", version_in(sounds, "libsndfile"), "1.0.31");
  add("soxr", version_in(sounds, "soxr"), "0.1.3");
  add("mpg123 interface", version_in(sounds, "mpg123"), "46");
  add("fmt",
      fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100),
      "9.0");
  add("nlohmann-json",
      fmt::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR,
                  NLOHMANN_JSON_VERSION_PATCH),
      "3.11");
  add("CLI11", CLI11_VERSION, "2.1");
  add("zlib", ::zlibVersion(), "1.2.11");
  const std::string compiler = compiler_version();
  add("compiler", compiler, compiler.starts_with("clang") ? "clang 16" : "g++ 12");
}

}  // namespace

bool at_least(std::string_view version, std::string_view minimum) {
  const size_t name = minimum.find(' ');
  if (name != std::string_view::npos) {  // "g++ 12": the same name, then numbers
    if (version.substr(0, name + 1) != minimum.substr(0, name + 1)) return false;
    return at_least(version.substr(name + 1), minimum.substr(name + 1));
  }
  while (!minimum.empty()) {
    int have = -1;
    int need = 0;
    const auto a = std::from_chars(version.data(), version.data() + version.size(), have);
    const auto b = std::from_chars(minimum.data(), minimum.data() + minimum.size(), need);
    if (b.ec != std::errc()) return true;
    if (a.ec != std::errc() || have < need) return false;
    if (have > need) return true;
    version.remove_prefix(a.ptr - version.data());
    minimum.remove_prefix(b.ptr - minimum.data());
    if (!version.empty()) version.remove_prefix(1);
    if (!minimum.empty()) minimum.remove_prefix(1);
  }
  return true;
}

std::vector<BackendReport> examine_backends(Engine& engine) {
  std::vector<BackendReport> backends = engine.backends();
  for (BackendReport& backend : backends) {
    const fs::path plugin = engine_folder() / kCpuPlugin;
    std::error_code ignored;
    if (backend.available || backend.name != "openvino" || fs::exists(plugin, ignored) ||
        !backend::openvino_backend_is_built()) {
      continue;
    }
    backend.reason += "; there is no " + plugin.string();
  }
  return backends;
}

std::vector<Component> components(std::span<const BackendReport> backends) {
  std::vector<Component> list;
  const auto openvino = std::ranges::find(backends, "openvino", &BackendReport::name);
  if (openvino != backends.end()) {
    // The engine's library holds every graph; what computes them can be left out.
    const bool computes = backend::openvino_backend_is_built();
    Component core{"OpenVINO", openvino->version, std::string(kOpenVinoMinimum)};
    core.fine = at_least(core.version, core.minimum);
    if (!core.fine) {
      core.reason = "older than what accel needs";
      core.remedy = "run ./dev setup, or install the accel package again";
    }
    list.push_back(core);
    if (computes) {
      list.push_back({"OpenVINO CPU plug-in", openvino->available ? openvino->version : "",
                      std::string(kOpenVinoMinimum), openvino->available, openvino->reason,
                      openvino->remedy});
    }
  }
  add_built_in(list);
  return list;
}

std::vector<OptionalPart> optional_parts() {
  std::vector<OptionalPart> parts;
  const auto add = [&](const char* name, const fs::path& file, const char* without) {
    std::error_code ignored;
    const bool present = !file.empty() && fs::exists(file, ignored);
    parts.push_back({name, present, (present ? "" : "not found: ") + file.string(), without});
  };
  const Result<std::string> curl = hub::curl_version();
  parts.push_back({"libcurl", curl.ok(), curl.ok() ? *curl : curl.status().message(),
                   "accel pull cannot get models; those that are here work"});
  const bool computes = backend::openvino_backend_is_built();
  parts.push_back({"OpenVINO backend", computes,
                   computes ? "built in" : "left out of this build (ACCEL_OPENVINO_BACKEND=OFF)",
                   "the reference backend computes, slowly"});
  const fs::path engine = engine_folder();
  add("OpenVINO GPU plug-in", engine / "libopenvino_intel_gpu_plugin.so", "no Intel GPU");
  add("OpenVINO NPU plug-in", engine / "libopenvino_intel_npu_plugin.so", "no Intel NPU");
  add("OpenVINO HETERO plug-in", engine / "libopenvino_hetero_plugin.so",
      "no model on several devices by its operations, HETERO:GPU,CPU");
  const auto add_front_end = [&](const char* title, const char* name) {
    add(fmt::format("{} front end", title).c_str(),
        file_in(engine, fmt::format("libopenvino_{}_frontend.so", name)),
        fmt::format("models of {} cannot be read", title).c_str());
  };
  add_front_end("ONNX", "onnx");
  add_front_end("OpenVINO IR", "ir");
  add_front_end("Paddle", "paddle");
  add_front_end("TensorFlow", "tensorflow");
  add_front_end("TensorFlow Lite", "tensorflow_lite");
  add("TBB's binding", file_in(engine, "libtbbbind"),
      "threads are not bound to NUMA nodes and kinds of cores");
  add("hwloc", file_in(engine, "libhwloc.so"), "the same");
  const auto share = share_folder();
  if (share.ok()) {
    const fs::path bin = share->parent_path().parent_path() / "bin";
    const auto program = [&](const char* name) {
      const fs::path installed = bin.parent_path() / "lib" / "accel" / name;
      std::error_code ignored;
      return fs::exists(installed, ignored) ? installed : bin / name;
    };
    add("accel-probe", program("accel-probe"),
        "an engine that crashes on this CPU ends the program instead of being reported");
    add("accel-worker", program("accel-worker"), "no --isolation process, no CPU[0-1]");
    add("self-test model", *share / "self-test" / "config.json",
        "accel self-test cannot check any numbers");
  }
  return parts;
}

std::string unavailable_text(std::span<const BackendReport> backends) {
  std::string text;
  for (const BackendReport& backend : backends) {
    if (backend.available) continue;
    text += fmt::format("\nbackend {} is not available\n  because  {}\n  remedy   {}\n",
                        backend.name, printable(backend.reason), printable(backend.remedy));
  }
  return text;
}

OrderedJson backends_json(std::span<const BackendReport> backends) {
  auto list = OrderedJson::array();
  for (const BackendReport& backend : backends) {
    list.push_back({{"name", backend.name},
                    {"version", backend.version},
                    {"available", backend.available},
                    {"reason", backend.reason},
                    {"remedy", backend.remedy}});
  }
  return list;
}

std::string json_text(const OrderedJson& json) {
  return json.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

}  // namespace accel::cli
