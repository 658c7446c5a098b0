// Random bytes as JSON: what is accepted is what nlohmann's parser accepts, however it is read, and
// says the same. Not compared: depth, of which ours has less, and numbers beyond f64, which it has
// not.
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "server/json/json_reader.h"

namespace accel::server {
namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

// Goes through a value in one of the ways there are, as the bits of `choices` say.
Status pass_over(JsonValue& value, uint64_t& choices) {
  const uint64_t choice = choices % 4;
  choices = std::rotr(choices, 2) * 0x9E3779B97F4A7C15;
  std::string raw;
  if (choice == 0) return {};
  if (choice == 1) return value.skip();
  if (choice == 2) {
    const Status read = value.raw(raw);
    check(!read.ok() || read_json(raw, [](JsonValue& same) { return same.skip(); }).ok());
    return read;
  }
  switch (value.kind()) {
    case JsonKind::kArray:
      return value.elements([&](JsonValue& element) { return pass_over(element, choices); });
    case JsonKind::kObject:
      return value.members(
          [&](std::string_view, JsonValue& member) { return pass_over(member, choices); });
    case JsonKind::kString: return value.read(raw);
    default: return value.skip();
  }
}

Status read_tree(JsonValue& value, Json& tree) {
  switch (value.kind()) {
    case JsonKind::kNull: return value.skip();
    case JsonKind::kBool: {
      bool truth = false;
      const Status read = value.read(truth);
      tree = truth;
      return read;
    }
    case JsonKind::kNumber: {
      double number = 0;
      const Status read = value.read(number);
      tree = number;
      return read;
    }
    case JsonKind::kString: {
      std::string text;
      const Status read = value.read(text);
      tree = text;
      return read;
    }
    case JsonKind::kArray:
      tree = Json::array();
      return value.elements(
          [&](JsonValue& element) { return read_tree(element, tree.emplace_back()); });
    case JsonKind::kObject: break;
  }
  tree = Json::object();
  return value.members([&](std::string_view name, JsonValue& member) {
    Json& place = tree[std::string(name)];
    place = nullptr;  // the last of a name counts
    return read_tree(member, place);
  });
}

// The texts of all that stands in nested arrays.
Status read_texts(JsonValue& value, std::vector<std::string>& texts) {
  if (value.kind() != JsonKind::kArray) return value.raw(texts.emplace_back());
  return value.elements([&](JsonValue& element) { return read_texts(element, texts); });
}

// The lengths of nested arrays, where all are nested alike.
std::optional<std::vector<int64_t>> shape_of(const Json& tree) {
  if (!tree.is_array()) return std::vector<int64_t>();
  std::vector<int64_t> shape = {static_cast<int64_t>(tree.size())};
  std::optional<std::vector<int64_t>> inner;
  for (const Json& element : tree) {
    const auto own = shape_of(element);
    if (!own || (inner && own != inner)) return std::nullopt;
    inner = own;
  }
  if (!inner) return shape;
  shape.insert(shape.end(), inner->begin(), inner->end());
  return shape;
}

bool append(std::string text, DType dtype, std::string& bytes, std::vector<int64_t>* shape) {
  return read_json(
             text,
             [&](JsonValue& root) { return root.append_numbers(dtype, 1 << 16, bytes, shape); })
      .ok();
}

// Numbers are the same in arrays, which is quick, and alone, and nested as the text says.
void check_numbers(std::string text, DType dtype, const Json* tree) {
  std::string together;
  std::string shaped_bytes;
  std::vector<int64_t> shape;
  const bool read = append(text, dtype, together, nullptr);
  const bool shaped = append(text, dtype, shaped_bytes, &shape);
  check(read || !shaped);
  check(!shaped || shaped_bytes == together);
  if (read && tree != nullptr) {
    check(shape_of(*tree) == (shaped ? std::optional(shape) : std::nullopt));
  }
  std::vector<std::string> texts;
  bool array = false;
  const Status valid = read_json(text, [&](JsonValue& root) {
    array = root.kind() == JsonKind::kArray;
    return read_texts(root, texts);
  });
  if (!valid.ok() || !array) return check(!read);
  std::string alone;
  bool all = true;
  for (const std::string& one : texts) all = all && append("[" + one + "]", dtype, alone, nullptr);
  check(read == all && (!read || alone == together));
}

void run(std::string text, uint64_t choices) {
  Json tree;
  bool valid = false;
  bool compared = text.find('\0') == std::string::npos;  // which it takes for the end
  try {
    tree = Json::parse(text);
    valid = true;
  } catch (const Json::parse_error&) {
  } catch (const Json::out_of_range&) {
    compared = false;
  }
  const Status passed = read_json(text, [&](JsonValue& root) { return pass_over(root, choices); });
  if (passed.message().find("64 levels deep") != std::string::npos) return;
  check(passed.ok() || passed.code() == StatusCode::kInvalidArgument);
  if (compared) check(passed.ok() == valid);

  Json own;
  const Status read = read_json(text, [&](JsonValue& root) { return read_tree(root, own); });
  if (compared) check(read.ok() == valid && (!valid || own == tree));
  check(read.ok() || read.code() == StatusCode::kInvalidArgument);

  for (const DType dtype : {DType::kF64, static_cast<DType>(choices % 15)}) {
    check_numbers(text, dtype, compared && valid ? &tree : nullptr);
  }
}

}  // namespace
}  // namespace accel::server

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  accel::server::run(std::string(reinterpret_cast<const char*>(data + 1), size - 1), data[0]);
  return 0;
}
