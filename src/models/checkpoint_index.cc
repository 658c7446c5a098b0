#include "models/checkpoint_index.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "base/json.h"
#include "base/try.h"
#include "tensors/file_name.h"
#include "tensors/shown.h"

namespace accel::models {
namespace {

using tensors::shown;

constexpr std::string_view kWeightMap = "weight_map";

// Takes the weight_map from the parser's events: a tree of values would not show a name that occurs
// twice.
class IndexBuilder {
 public:
  bool null() { return scalar(); }
  bool boolean(bool) { return scalar(); }
  bool number_integer(Json::number_integer_t) { return scalar(); }
  bool number_unsigned(Json::number_unsigned_t) { return scalar(); }
  bool number_float(Json::number_float_t, const std::string&) { return scalar(); }
  bool binary(Json::binary_t&) { return scalar(); }
  bool string(std::string& value);
  bool key(std::string& name);
  bool start_object(std::size_t);
  bool end_object() { return leave(); }
  bool start_array(std::size_t) { return depth_ > 0 && !mapped() ? enter() : mismatch(); }
  bool end_array() { return leave(); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) {
    const size_t at = position > 0 ? position - 1 : 0;
    status_ = Status(StatusCode::kDataLoss,
                     fmt::format("expected valid JSON, found an error at byte {}", at), at);
    return false;
  }

  Result<CheckpointIndex> take() {
    if (!status_.ok()) return status_;
    if (!found_) return data_loss("expected a \"weight_map\" from tensors to files, found none");
    return std::move(index_);
  }

 private:
  // Whether the value that follows belongs to the weight_map, or is it.
  bool mapped() const { return in_map_ && depth_ <= 2; }
  bool enter() {
    ++depth_;
    return true;
  }
  bool leave() {
    if (--depth_ == 1) in_map_ = false;
    return true;
  }
  bool scalar() { return depth_ > 0 && !mapped() ? true : mismatch(); }
  bool mismatch() {
    status_ =
        data_loss(depth_ < 2 ? "expected an object with a \"weight_map\" from tensors to files"
                             : "expected a file's name for the tensor " + shown(name_));
    return false;
  }

  Status status_;
  CheckpointIndex index_;
  uint64_t depth_ = 0;
  bool in_map_ = false;
  bool found_ = false;
  std::string name_;
};

bool IndexBuilder::start_object(std::size_t) {
  if (depth_ == 2 && in_map_) return mismatch();
  return enter();
}

bool IndexBuilder::key(std::string& name) {
  if (depth_ == 1) {
    in_map_ = name == kWeightMap;
    if (!in_map_) return true;
    if (!std::exchange(found_, true)) return true;
    status_ = data_loss("the \"weight_map\" occurs twice");
    return false;
  }
  name_ = std::move(name);
  return true;
}

bool IndexBuilder::string(std::string& value) {
  if (depth_ != 2 || !in_map_) return scalar();
  if (Status status = tensors::check_file_name(value); !status.ok()) {
    status_ = status.with_context("the file of the tensor " + shown(name_));
    return false;
  }
  if (index_.emplace(name_, std::move(value)).second) return true;
  status_ = data_loss(fmt::format("the tensor {} occurs twice", shown(name_)));
  return false;
}

}  // namespace

Result<CheckpointIndex> parse_checkpoint_index(std::string_view text) {
  // The parser would take a zero byte for the end and leave what follows unread.
  if (const size_t zero = text.find('\0'); zero != std::string_view::npos) {
    return Status(StatusCode::kDataLoss,
                  fmt::format("expected valid JSON, found a zero byte at byte {}", zero), zero);
  }
  IndexBuilder builder;
  (void)Json::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

}  // namespace accel::models
