#include "engine/user_converters.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <span>

#include "base/files.h"
#include "base/json.h"
#include "base/stopwatch.h"
#include "base/try.h"
#include "store/file_lock.h"
#include "store/private_folder.h"

namespace accel::engine {
namespace {

namespace fs = std::filesystem;

constexpr size_t kSourceFilesMax = 10'000;
constexpr const char* kModel = "model";
constexpr const char* kManifest = "converted.json";
// For another process that converts the same; conversions may take long.
constexpr std::chrono::milliseconds kConversionWait = std::chrono::hours(1);

// Whether accel knows no model there, and not that it knows a broken one.
bool finds_no_model(const Status& status) {
  return status.code() == StatusCode::kNotFound || status.code() == StatusCode::kUnimplemented;
}

Status named(const ModelConverter& converter, const Status& status) {
  return status.with_context("converter '" + converter.name + "'");
}

// Of a function of the caller's, with what it throws as a status.
Status called(const std::function<Status()>& call) {
  std::string thrown;
  try {
    return call();
  } catch (const std::exception& error) {
    thrown = error.what();
  } catch (...) {
    thrown = "something that is no std::exception";
  }
  return Status(StatusCode::kUnknown, "it threw: " + thrown);
}

// Files below a folder, by their names in it.
Result<std::vector<std::string>> names_below(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  fs::recursive_directory_iterator at(folder, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    std::error_code ignored;
    if (!at->is_regular_file(ignored)) continue;
    names.push_back(at->path().lexically_relative(folder).string());
    if (names.size() > kSourceFilesMax) {
      return resource_exhausted(
          fmt::format("{}: expected at most {} files", folder.string(), kSourceFilesMax));
    }
  }
  if (error) return errno_status(error.value(), "listing", folder.string());
  return names;
}

Result<std::string> digest_of(const store::ContentHashes& hashes, const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return hashes.of_file(path);
  ACCEL_ASSIGN(std::vector<std::string> names, names_below(path));
  return hashes.of_files(path, std::move(names));
}

// What is to be opened of a folder that a converter has filled: what lies alone in it, or it.
fs::path root_of(fs::path folder) {
  for (int depth = 0; depth < 2; ++depth) {
    std::error_code error;
    fs::directory_iterator at(folder, error);
    if (error || at == fs::directory_iterator()) return folder;
    const fs::path only = at->path();
    if (at.increment(error); error || at != fs::directory_iterator()) return folder;
    folder = only;
    if (!fs::is_directory(folder, error)) return folder;
  }
  return folder;
}

}  // namespace

Status check_converters(const std::vector<ModelConverter>& converters) {
  for (size_t i = 0; i < converters.size(); ++i) {
    const ModelConverter& one = converters[i];
    if (one.name.empty() || !one.can_read || !one.convert) {
      return invalid_argument(
          fmt::format("converter {} ('{}'): expected a name and the functions can_read and convert",
                      i, one.name));
    }
    const auto others = std::span(converters).first(i);
    if (std::ranges::find(others, one.name, &ModelConverter::name) != others.end()) {
      return invalid_argument(
          fmt::format("converter '{}': expected another name, for one is called so", one.name));
    }
  }
  return {};
}

UserConverters::UserConverters(std::vector<ModelConverter> converters, const fs::path& cache_dir,
                               std::shared_ptr<const Log> log)
    : converters_(std::move(converters)),
      folder_(cache_dir / "converted"),
      hashes_(converters_.empty() ? nullptr
                                  : store::ContentHashes::create({.folder = cache_dir / "hashes"})),
      log_(std::move(log)) {}

Result<const ModelConverter*> UserConverters::converter_for(const fs::path& source) const {
  for (const ModelConverter& one : converters_) {
    bool reads = false;
    const Status asked = called([&] {
      reads = one.can_read(source.string());
      return Status();
    });
    if (!asked.ok()) return named(one, asked.with_context("can_read"));
    if (reads) return &one;
  }
  return nullptr;
}

Result<OpenedModel> UserConverters::open(const fs::path& located,
                                         const OpenRequest& request) const {
  const auto forced = std::ranges::find(converters_, request.model_format, &ModelConverter::name);
  if (forced != converters_.end()) return open_converted(*forced, located, request);
  auto own = models::ModelFolder::open(located, request.exported, request.memory);
  if (own.ok()) return OpenedModel{std::move(*own), {}, {}};
  if (!finds_no_model(own.status())) return own.status();
  ACCEL_ASSIGN(const ModelConverter* const converter, converter_for(located));
  if (converter == nullptr) return own.status();
  log_->write(LogLevel::kDebug, LogPart::kConverter,
              fmt::format("'{}' takes what accel finds no model in: {}", converter->name,
                          own.status().message()));
  return open_converted(*converter, located, request);
}

Result<OpenedModel> UserConverters::open_converted(const ModelConverter& converter,
                                                   const fs::path& source,
                                                   const OpenRequest& request) const {
  const auto folder = converted(converter, source, request.keep);
  if (!folder.ok()) {
    const Status status = named(converter, folder.status().with_context(source.string()));
    log_->write(LogLevel::kError, LogPart::kConverter, status.message());
    return status;
  }
  auto opened =
      models::ModelFolder::open(root_of(*folder / kModel), request.exported, request.memory);
  if (!opened.ok()) {
    std::error_code ignored;
    fs::remove_all(*folder, ignored);  // so that it is called again
    return named(converter, opened.status().with_context(source.string() + ": what it wrote"));
  }
  return OpenedModel{std::move(*opened), converter.name,
                     fmt::format("converted by '{}' from {}", converter.name, source.string())};
}

Result<fs::path> UserConverters::converted(const ModelConverter& converter, const fs::path& source,
                                           bool keep) const {
  ACCEL_ASSIGN(const std::string content, digest_of(*hashes_, source));
  const std::string key = fmt::format("{}\n{}\n{}", content, converter.name, converter.version);
  fs::path target = folder_ / store::content_digest(std::as_bytes(std::span(key)));
  if (keep && is_whole(target)) {
    log_->write(
        LogLevel::kDebug, LogPart::kConverter,
        fmt::format("'{}': found what it made of {} before", converter.name, source.string()));
    return target;
  }
  ACCEL_TRY(store::prepare_folder(folder_));
  ACCEL_ASSIGN(const auto lock,
               store::FileLock::acquire(fs::path(target) += ".lock", kConversionWait));
  if (keep && is_whole(target)) return target;
  const auto began = Clock::now();
  ACCEL_TRY(make(converter, source, target));
  log_->write(LogLevel::kInfo, LogPart::kConverter,
              fmt::format("'{}' converted {} in {:.1f} s, kept in {}", converter.name,
                          source.string(), seconds_since(began), target.string()));
  return target;
}

// Beside its final place, where whoever holds the lock removes what a dead process left.
Status UserConverters::make(const ModelConverter& converter, const fs::path& source,
                            const fs::path& target) const {
  const fs::path staged = fs::path(target) += ".partial";
  std::error_code error;
  fs::remove_all(staged, error);
  struct Remover {
    const fs::path& folder;
    ~Remover() {
      std::error_code ignored;
      fs::remove_all(folder, ignored);
    }
  } const remover{staged};
  ACCEL_TRY(store::prepare_folder(staged / kModel));
  ACCEL_TRY(called([&] { return converter.convert(source.string(), (staged / kModel).string()); }));
  ACCEL_ASSIGN(const std::vector<std::string> names, names_below(staged / kModel));
  if (names.empty()) {
    return not_found("expected a model in the folder that it was given, found no file there");
  }
  ACCEL_ASSIGN(const std::string content, digest_of(*hashes_, staged / kModel));
  const Json manifest{{"converter", converter.name},
                      {"version", converter.version},
                      {"source", source.string()},
                      {"content", content}};
  ACCEL_ASSIGN(const auto file, AtomicFile::create(staged / kManifest));
  ACCEL_TRY(file->write(manifest.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"));
  ACCEL_TRY(file->commit());
  fs::remove_all(target, error);
  fs::rename(staged, target, error);
  return error ? errno_status(error.value(), "keeping", target.string()) : Status();
}

bool UserConverters::is_whole(const fs::path& folder) const {
  const auto manifest = read_json(folder / kManifest);
  if (!manifest.ok() || !manifest->is_object() || !manifest->contains("content")) return false;
  const auto content = digest_of(*hashes_, folder / kModel);
  if (content.ok() && (*manifest)["content"] == *content) return true;
  log_->write(LogLevel::kWarning, LogPart::kConverter,
              folder.string() + " is not what was kept there; it is made again");
  return false;
}

}  // namespace accel::engine
