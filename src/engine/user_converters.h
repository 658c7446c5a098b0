// Opening a model, by one of the caller's converters where accel itself finds none in it.
//
// What a converter wrote is kept as CACHE/converted/DIGEST/model, with what it was made of in
// converted.json beside it. The digest is over the source's content, the converter's name and its
// version. A folder appears when it is complete, and its content is compared with converted.json
// before it is used again.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "accel/converter.h"
#include "base/log.h"
#include "models/model_folder.h"
#include "store/content_hash.h"

namespace accel::engine {

struct OpenRequest {
  models::Exported exported = models::Exported::kAuto;
  const models::foreign::GraphMemory* memory = nullptr;
  std::string model_format = {};  // a converter's name takes that one, unasked
  bool keep = true;               // false: converts again what is kept
};

struct OpenedModel {
  std::shared_ptr<const models::ModelFolder> folder;
  std::string converter;  // by which it was converted; empty: accel read it itself
  std::string notice;     // for reports; empty: nothing to say
};

// OK, or INVALID_ARGUMENT for a converter without name or function, or with another one's name.
Status check_converters(const std::vector<ModelConverter>& converters);

// Safe from any thread, and beside other processes.
class UserConverters {
 public:
  UserConverters(std::vector<ModelConverter> converters, const std::filesystem::path& cache_dir,
                 std::shared_ptr<const Log> log);

  // Errors of ModelFolder::open(); those of a converter begin with its name, and what it throws is
  // UNKNOWN.
  Result<OpenedModel> open(const std::filesystem::path& located, const OpenRequest& request) const;

 private:
  Result<const ModelConverter*> converter_for(const std::filesystem::path& source) const;
  Result<OpenedModel> open_converted(const ModelConverter& converter,
                                     const std::filesystem::path& source,
                                     const OpenRequest& request) const;
  // The folder of what the converter makes of `source`; made if it is not there.
  Result<std::filesystem::path> converted(const ModelConverter& converter,
                                          const std::filesystem::path& source, bool keep) const;
  Status make(const ModelConverter& converter, const std::filesystem::path& source,
              const std::filesystem::path& target) const;
  bool is_whole(const std::filesystem::path& folder) const;

  const std::vector<ModelConverter> converters_;
  const std::filesystem::path folder_;
  const std::unique_ptr<const store::ContentHashes> hashes_;
  const std::shared_ptr<const Log> log_;
};

}  // namespace accel::engine
