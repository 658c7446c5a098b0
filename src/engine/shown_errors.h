// Errors as clients of a service see them: with the names of models where the machine's own words
// have paths.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "accel/model_manager.h"
#include "accel/status.h"

namespace accel::engine {

struct NamedPath {
  std::string path;  // without a slash at its end
  std::string name;  // in its place
};

// `text` with each of the paths, and where it goes on below one of them its beginning, replaced;
// "/a/bc" is not below "/a/b". Pure.
std::string with_names(std::string_view text, std::span<const NamedPath> paths);

// Safe from any thread.
class ShownErrors {
 public:
  // `say` is told what is kept from clients, once until something else of that model is; may be
  // empty.
  ShownErrors(const ModelManager& manager, std::function<void(std::string_view)> say);

  // `status` with the name of `model` in place of where its files lie.
  Status shown(const std::string& model, const Status& status);
  // The manager may go.
  void end();

 private:
  const std::function<void(std::string_view)> say_;

  std::mutex mutex_;
  // Guarded by mutex_:
  const ModelManager* manager_;              // null: ended
  std::map<std::string, std::string> said_;  // last, from its path on; by a defined model's name
};

}  // namespace accel::engine
