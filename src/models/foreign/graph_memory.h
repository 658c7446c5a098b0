// What a graph takes and gives, remembered between processes: a graph that was looked at before is
// converted again only when it is to be run and nothing of it is in the cache.
//
//   GraphMemory memory({.folder = cache_dir / "graphs", .hashes = &hashes, .build = build});
//   ACCEL_ASSIGN(const std::string content, memory.content_of(files));
//   GraphMemory::Known known = memory.recall(content);     // others that look wait
//   if (!known.facts) memory.remember(content, look_at(convert(file)));
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "accel/status.h"
#include "base/json.h"
#include "models/foreign/roles.h"
#include "store/content_hash.h"
#include "store/facts.h"
#include "store/file_lock.h"

namespace accel::models::foreign {

struct GraphFacts {
  std::vector<GraphPort> inputs;
  // That the file declares, but nothing in the graph needs.
  std::vector<std::string> unused_inputs;
  std::vector<GraphPort> outputs;
  // How many numbers its constants have, by type: "f32", "i8".
  std::map<std::string, uint64_t> numbers;
  // Inputs that are row numbers of a table, with the table's size.
  std::vector<std::pair<std::string, int64_t>> index_limits;
};

Json to_json(const GraphFacts& facts);
// None for what to_json() did not write.
std::optional<GraphFacts> graph_facts_of(const Json& json);

struct GraphMemoryOptions {
  std::filesystem::path folder;                  // made when missing
  const store::ContentHashes* hashes = nullptr;  // outlives the memory
  std::string build;  // of accel: another one may convert otherwise, as another engine may
};

// Safe from any thread, and beside other processes on the same folder. In a folder that cannot be
// used nothing is remembered.
class GraphMemory {
 public:
  explicit GraphMemory(GraphMemoryOptions options);

  // Of the files' bytes, in their order; their names do not count.
  Result<std::string> content_of(const std::vector<std::filesystem::path>& files) const;

  struct Known {
    std::optional<GraphFacts> facts;
    // Without facts: held while they are found out, so that of several processes one converts.
    // Null where it could not be had, which is no reason to wait.
    std::unique_ptr<store::FileLock> lock = nullptr;
  };
  // Waits for whoever is finding out the same.
  Known recall(const std::string& content) const;
  void remember(const std::string& content, const GraphFacts& facts) const;

 private:
  store::FactKey key(const std::string& content) const;

  const GraphMemoryOptions options_;
  const std::unique_ptr<store::Facts> facts_;
};

}  // namespace accel::models::foreign
