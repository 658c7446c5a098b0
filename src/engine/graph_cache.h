// Compiling through the cache: what another process or an earlier start has converted and compiled
// is taken from disk, checked, instead of being made again.
//
//   ACCEL_ASSIGN(auto cache, GraphCache::create({.cache_dir = folder, .cpu = cpu.identity()}));
//   ACCEL_ASSIGN(const std::string weights, cache->hashes().of_file(path));
//   ACCEL_ASSIGN(CachedModel ready, cache->compile(backend,
//       {.parts = {{"weights", weights}, {"task", "embedding"}},
//        .label = path.filename(),
//        .make = [&] { return convert(path); }},
//       options));
//   serve(ready.model);  // ready.report says what was found, and knows later what was kept
//
// Two things are kept, each under a key of its own (store/cache.h): the converted graph, which
// depends on `parts` and this build of accel, and the compiled model, which depends also on engine,
// device, precision, streams, threads, kernels and processor. A compiled model that is found spares
// the rest; without it a graph that is found spares the conversion. It pays where conversion or the
// engine's own transformations take long (ONNX, quantised graphs, GPU), not for a native f32
// folder, which is built in milliseconds: the caller decides.
//
// Of several processes that want the same at once, one makes it and the others wait for it, up to a
// limit. A cache that is full, damaged, read-only or slow costs a warning, never the model.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "accel/engine.h"
#include "accel/status.h"
#include "backend/backend.h"
#include "base/log.h"
#include "store/cache.h"
#include "store/content_hash.h"

namespace accel::engine {

// What a graph is made of and how.
struct GraphSource {
  // Everything that `make` depends on, by name: content hashes of weights and config, the task, the
  // options of the conversion. No paths: the same model elsewhere is the same.
  std::vector<std::pair<std::string, std::string>> parts;
  std::string label;  // for people, in `accel cache list`
  // Called only when neither the compiled model nor the graph is found.
  std::function<Result<std::shared_ptr<const ov::Model>>()> make;
  bool keep_graph = true;
  bool keep_compiled = true;
};

struct CachedModel {
  std::shared_ptr<const backend::CompiledModel> model;
  CacheReport report = {};
};

struct GraphCacheOptions {
  std::filesystem::path cache_dir;  // entries/ and hashes/ are made in it
  std::string cpu;                  // hardware::CpuInfo::identity()
  // How long to wait for another process that is making the same before going on without it.
  std::chrono::milliseconds wait_max = std::chrono::minutes(5);
  std::shared_ptr<const Log> log = Log::silent();
};

// Safe from any thread, and beside other processes.
class GraphCache {
 public:
  // INVALID_ARGUMENT for a setting in the environment that is none (store/cache.h). A folder that
  // cannot be used is no error.
  static Result<std::unique_ptr<GraphCache>> create(GraphCacheOptions options);

  // Of the files that a model is made of, quickly: for GraphSource::parts.
  const store::ContentHashes& hashes() const { return *hashes_; }
  const store::Cache& entries() const { return *entries_; }

  // Fails only as `make` and Backend::compile() do. A mapped entry is kept by the model that needs
  // it. What was made is written behind the caller (CacheReport::stored), who may end this cache
  // meanwhile.
  Result<CachedModel> compile(const backend::Backend& backend, const GraphSource& source,
                              const backend::CompileOptions& options) const;

 private:
  explicit GraphCache(GraphCacheOptions options) : options_(std::move(options)) {}
  const GraphCacheOptions options_;
  std::shared_ptr<store::Cache> entries_;         // never changed after create()
  std::unique_ptr<store::ContentHashes> hashes_;  // likewise
  std::string build_;                             // likewise
};

// This build of accel: version and content of the program or library that holds this code. Graphs
// of another build are not used, because its conversions may differ.
std::string accel_build(const store::ContentHashes& hashes);

// Where entries of the cache are of use: the values of the parts of their keys.
struct CacheHome {
  std::string accel;                 // accel_build()
  std::string cpu;                   // hardware::CpuInfo::identity()
  std::vector<std::string> engines;  // "openvino 2026.4.0-...": name and version
};

// OK for an entry that is found on a machine like `home`; else FAILED_PRECONDITION with what it was
// made for and what is here. Pure.
Status fits_home(const store::CacheKey& key, const CacheHome& home);

}  // namespace accel::engine
