#include "tensors/state_dict.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/try.h"
#include "base/utf8.h"
#include "tensors/shown.h"

namespace accel::tensors {
namespace {

constexpr size_t kTorchMaxRank = 64;  // that of torch

struct TypeName {
  std::string_view name;
  DType dtype;
};

// Storages count elements of their type; one without a type counts bytes.
constexpr TypeName kStorages[] = {
    {"torch.BFloat16Storage", DType::kBF16},
    {"torch.BoolStorage", DType::kBool},
    {"torch.ByteStorage", DType::kU8},
    {"torch.CharStorage", DType::kI8},
    {"torch.DoubleStorage", DType::kF64},
    {"torch.FloatStorage", DType::kF32},
    {"torch.HalfStorage", DType::kF16},
    {"torch.IntStorage", DType::kI32},
    {"torch.LongStorage", DType::kI64},
    {"torch.ShortStorage", DType::kI16},
    {"torch.UntypedStorage", DType::kU8},
    {"torch.storage.UntypedStorage", DType::kU8},
    {"torch.storage._UntypedStorage", DType::kU8},
};

constexpr TypeName kTypes[] = {
    {"torch.bfloat16", DType::kBF16},
    {"torch.bool", DType::kBool},
    {"torch.float16", DType::kF16},
    {"torch.float32", DType::kF32},
    {"torch.float64", DType::kF64},
    {"torch.float8_e4m3fn", DType::kF8E4M3},
    {"torch.float8_e5m2", DType::kF8E5M2},
    {"torch.int16", DType::kI16},
    {"torch.int32", DType::kI32},
    {"torch.int64", DType::kI64},
    {"torch.int8", DType::kI8},
    {"torch.uint16", DType::kU16},
    {"torch.uint32", DType::kU32},
    {"torch.uint64", DType::kU64},
    {"torch.uint8", DType::kU8},
};

constexpr std::string_view kTensor = "torch._utils._rebuild_tensor";
constexpr std::string_view kTensor2 = "torch._utils._rebuild_tensor_v2";
constexpr std::string_view kTensor3 = "torch._utils._rebuild_tensor_v3";
constexpr std::string_view kParameter = "torch._utils._rebuild_parameter";
constexpr std::string_view kParameterWithState = "torch._utils._rebuild_parameter_with_state";
constexpr std::string_view kFromType = "torch._tensor._rebuild_from_type_v2";
constexpr std::string_view kOrderedDict = "collections.OrderedDict";

// Beside these, notes of training scripts; what they make is passed over.
constexpr std::string_view kOthers[] = {
    kTensor,
    kTensor2,
    kTensor3,
    kParameter,
    kParameterWithState,
    kFromType,
    kOrderedDict,
    "torch.Tensor",
    "torch.nn.parameter.Parameter",
    "torch.Size",
    "torch.device",
    "collections.Counter",
    "collections.defaultdict",
    "builtins.set",
    "__builtin__.set",
    "builtins.complex",
    "builtins.bytearray",
    "_codecs.encode",
    "numpy.dtype",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
};

Status broken_dict(std::string message) { return data_loss("state dict: " + std::move(message)); }

template <class Rows>
std::optional<DType> type_called(const Rows& rows, const PickleValue& value) {
  if (value.kind != PickleKind::kGlobal) return std::nullopt;
  const auto row = std::ranges::find(rows, value.text, &TypeName::name);
  return row == std::end(rows) ? std::nullopt : std::optional(row->dtype);
}

bool is_text(const PickleValue& value) {
  return value.kind == PickleKind::kText || value.kind == PickleKind::kBytes;
}

std::optional<uint64_t> count_in(const PickleValue& value) {
  if (value.kind != PickleKind::kInt || value.integer < 0) return std::nullopt;
  return static_cast<uint64_t>(value.integer);
}

// What a call would call and with what; nullopt for anything else.
struct Call {
  std::string_view name;
  const PickleValue* arguments;
};

class Reader {
 public:
  explicit Reader(const Pickle& pickle) : pickle_(pickle) {}

  Result<std::vector<StoredTensor>> read() const;

 private:
  using Pairs = std::vector<std::pair<PickleId, PickleId>>;

  const PickleValue& value(PickleId id) const { return pickle_.values[id]; }
  std::optional<Call> call(PickleId id) const;
  std::optional<Pairs> dict(PickleId id) const;
  std::optional<Call> tensor_call(PickleId id) const;
  bool holds_tensors(const Pairs& pairs) const;
  Result<Pairs> find_state_dict() const;
  Result<StoredTensor> tensor(const Call& call) const;
  Result<std::vector<int64_t>> numbers(const PickleValue& tuple) const;

  const Pickle& pickle_;
};

std::optional<Call> Reader::call(PickleId id) const {
  const PickleValue& made = value(id);
  if (made.kind != PickleKind::kCall) return std::nullopt;
  return Call{value(made.items[0]).text, &value(made.items[1])};
}

// The pairs of a dict, or of an OrderedDict: filled afterwards, or as Python 2 wrote it, made from
// a list of pairs.
std::optional<Reader::Pairs> Reader::dict(PickleId id) const {
  const PickleValue& made = value(id);
  size_t first = 0;
  Pairs pairs;
  if (made.kind == PickleKind::kCall) {
    const std::optional<Call> how = call(id);
    if (how->name != kOrderedDict) return std::nullopt;
    first = 2;
    if (how->arguments->items.size() == 1) {
      for (const PickleId pair : value(how->arguments->items[0]).items) {
        const std::vector<PickleId>& both = value(pair).items;
        if (both.size() == 2) pairs.emplace_back(both[0], both[1]);
      }
    }
  } else if (made.kind != PickleKind::kDict) {
    return std::nullopt;
  }
  for (size_t i = first; i + 1 < made.items.size(); i += 2) {
    pairs.emplace_back(made.items[i], made.items[i + 1]);
  }
  return pairs;
}

// The call that makes a tensor, inside those that make a parameter of it.
std::optional<Call> Reader::tensor_call(PickleId id) const {
  constexpr int kDeepest = 4;
  std::optional<Call> made = call(id);
  for (int depth = 0; made && depth < kDeepest; ++depth) {
    const std::vector<PickleId>& arguments = made->arguments->items;
    if (made->name == kTensor || made->name == kTensor2 || made->name == kTensor3) return made;
    if ((made->name == kParameter || made->name == kParameterWithState) && !arguments.empty()) {
      made = call(arguments[0]);
    } else if (made->name == kFromType && arguments.size() > 2 &&
               value(arguments[2]).kind == PickleKind::kTuple) {
      made = Call{value(arguments[0]).text, &value(arguments[2])};
    } else {
      break;
    }
  }
  return std::nullopt;
}

bool Reader::holds_tensors(const Pairs& pairs) const {
  return std::ranges::any_of(
      pairs, [&](const auto& pair) { return tensor_call(pair.second).has_value(); });
}

Result<Reader::Pairs> Reader::find_state_dict() const {
  constexpr std::array<std::string_view, 4> kInside{"state_dict", "model_state_dict", "model",
                                                    "module"};
  constexpr int kDeepest = 3;
  PickleId id = pickle_.root;
  std::optional<Pairs> outermost;
  std::optional<Pairs> found;  // the innermost with tensors
  for (int depth = 0; depth < kDeepest; ++depth) {
    const std::optional<Pairs> pairs = dict(id);
    if (!pairs) break;
    if (!outermost) outermost = pairs;
    if (holds_tensors(*pairs)) found = pairs;
    PickleId inside = id;
    for (const std::string_view name : kInside) {
      const auto pair = std::ranges::find_if(*pairs, [&](const auto& each) {
        return is_text(value(each.first)) && value(each.first).text == name && dict(each.second);
      });
      if (pair == pairs->end()) continue;
      inside = pair->second;
      break;
    }
    if (inside == id) break;
    id = inside;
  }
  if (found) return *found;
  std::string keys;
  for (size_t i = 0; outermost && i < std::min<size_t>(outermost->size(), 8); ++i) {
    const PickleValue& key = value((*outermost)[i].first);
    if (is_text(key)) keys += (keys.empty() ? "" : ", ") + shown(key.text);
  }
  return invalid_argument(fmt::format(
      "state dict: expected a dict of tensors, itself or under \"state_dict\", found {}",
      !outermost     ? "something else"
      : keys.empty() ? "one without tensors"
                     : "one without tensors, with the keys " + keys));
}

Result<std::vector<int64_t>> Reader::numbers(const PickleValue& tuple) const {
  const PickleValue* from = &tuple;
  if (tuple.kind == PickleKind::kCall && value(tuple.items[0]).text == "torch.Size" &&
      value(tuple.items[1]).items.size() == 1) {
    from = &value(value(tuple.items[1]).items[0]);
  }
  const bool sequence = from->kind == PickleKind::kTuple || from->kind == PickleKind::kList;
  if (!sequence || from->items.size() > kTorchMaxRank) {
    return broken_dict(
        fmt::format("expected a tuple of at most {} sizes or strides", kTorchMaxRank));
  }
  std::vector<int64_t> found;
  for (const PickleId id : from->items) {
    const std::optional<uint64_t> number = count_in(value(id));
    if (!number) return broken_dict("expected sizes and strides from 0 to 2^63-1");
    found.push_back(static_cast<int64_t>(*number));
  }
  return found;
}

// (storage, offset, sizes, strides, requires_grad, hooks, ...), of v3 then the type and metadata,
// of v2 metadata: {"neg": True} for values stored with the other sign.
Result<StoredTensor> Reader::tensor(const Call& call) const {
  const std::vector<PickleId>& arguments = call.arguments->items;
  const size_t metadata = call.name == kTensor3 ? 7 : 6;
  if (arguments.size() < (call.name == kTensor ? 4 : metadata)) {
    return broken_dict("expected a storage, an offset, sizes and strides");
  }
  StoredTensor tensor;
  ACCEL_ASSIGN(tensor.storage, read_storage_reference(pickle_, value(arguments[0])));
  const std::optional<uint64_t> offset = count_in(value(arguments[1]));
  if (!offset) return broken_dict("expected an offset from 0 to 2^63-1");
  tensor.offset = *offset;
  ACCEL_ASSIGN(tensor.shape, numbers(value(arguments[2])));
  ACCEL_ASSIGN(tensor.strides, numbers(value(arguments[3])));
  if (tensor.shape.size() != tensor.strides.size() || !element_count(tensor.shape)) {
    return broken_dict(
        fmt::format("expected a shape that can be counted and a stride for each size, "
                    "found {} and {}",
                    to_string(tensor.shape), to_string(tensor.strides)));
  }
  tensor.dtype = tensor.storage.dtype;
  if (call.name == kTensor3) {
    const std::optional<DType> dtype = type_called(kTypes, value(arguments[6]));
    if (!dtype) return unimplemented("state dict: its element type is not supported");
    tensor.dtype = *dtype;
  }
  if (arguments.size() > metadata && !value(arguments[metadata]).items.empty()) {
    return unimplemented("state dict: views with another sign or conjugated are not supported");
  }
  return tensor;
}

// Cuts off what wrapping a model for training puts before every name.
void strip_wrapping(std::vector<StoredTensor>& tensors) {
  for (const std::string_view start : {"module.", "_orig_mod."}) {
    const bool all = std::ranges::all_of(
        tensors, [&](const StoredTensor& tensor) { return tensor.name.starts_with(start); });
    if (!all) continue;
    for (StoredTensor& tensor : tensors) tensor.name.erase(0, start.size());
  }
}

Result<std::vector<StoredTensor>> Reader::read() const {
  ACCEL_ASSIGN(const Pairs pairs, find_state_dict());
  std::vector<StoredTensor> tensors;
  for (const auto& [key, made] : pairs) {
    const std::optional<Call> call = tensor_call(made);
    if (!call) continue;
    const std::string_view name = value(key).text;
    if (!is_text(value(key)) || find_invalid_utf8(name) != std::string_view::npos) {
      return broken_dict(fmt::format("expected the names of tensors in UTF-8, found {}",
                                     is_text(value(key)) ? shown(name) : "none"));
    }
    Result<StoredTensor> read = tensor(*call);
    if (!read.ok()) return read.status().with_context("tensor " + shown(name));
    read->name = name;
    tensors.push_back(std::move(*read));
  }
  strip_wrapping(tensors);
  std::vector<std::string_view> names;
  for (const StoredTensor& tensor : tensors) names.emplace_back(tensor.name);
  std::ranges::sort(names);
  const auto twice = std::ranges::adjacent_find(names);
  if (twice != names.end()) return broken_dict(fmt::format("{} occurs twice", shown(*twice)));
  return tensors;
}

}  // namespace

std::span<const std::string_view> torch_globals() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all(std::begin(kOthers), std::end(kOthers));
    for (const TypeName& row : kStorages) all.push_back(row.name);
    for (const TypeName& row : kTypes) all.push_back(row.name);
    return all;
  }();
  return names;
}

Result<StorageReference> read_storage_reference(const Pickle& pickle, const PickleValue& value) {
  const auto at = [&](PickleId id) -> const PickleValue& { return pickle.values[id]; };
  const Status wrong = broken_dict("expected the id of a storage with its type, key and size");
  if (value.kind != PickleKind::kPersistent) return wrong;
  const std::vector<PickleId>& parts = at(value.items[0]).items;
  if (parts.size() < 5 || at(parts[0]).text != "storage" || !is_text(at(parts[2]))) return wrong;
  const std::optional<DType> dtype = type_called(kStorages, at(parts[1]));
  const std::optional<uint64_t> count = count_in(at(parts[4]));
  if (!dtype || !count) return wrong;
  StorageReference storage{at(parts[2]).text, *dtype, *count, 0, *count};
  if (parts.size() < 6 || at(parts[5]).kind == PickleKind::kNone) return storage;
  const std::vector<PickleId>& view = at(parts[5]).items;
  if (view.size() != 3) return wrong;
  const std::optional<uint64_t> begin = count_in(at(view[1]));
  const std::optional<uint64_t> size = count_in(at(view[2]));
  if (!begin || !size || *begin > *count || *size > *count - *begin) return wrong;
  storage.view_begin = *begin;
  storage.view_count = *size;
  return storage;
}

Result<std::vector<StoredTensor>> read_state_dict(const Pickle& pickle) {
  return Reader(pickle).read();
}

}  // namespace accel::tensors
