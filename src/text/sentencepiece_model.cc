#include "text/sentencepiece_model.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <optional>
#include <utility>

#include "base/try.h"
#include "base/utf8.h"

namespace accel::text {
namespace {

// The fields that are read, by their numbers in sentencepiece_model.proto.
struct Field {
  static constexpr uint32_t kPieces = 1;
  static constexpr uint32_t kTrainer = 2;
  static constexpr uint32_t kNormalizer = 3;

  static constexpr uint32_t kPieceText = 1;
  static constexpr uint32_t kPieceScore = 2;
  static constexpr uint32_t kPieceKind = 3;

  static constexpr uint32_t kAlgorithm = 3;
  static constexpr uint32_t kByteFallback = 35;
  static constexpr uint32_t kUnknownId = 40;

  static constexpr uint32_t kCharsmap = 2;
};

// One field of a message; what its wire type does not have is left as it is here.
struct Value {
  uint32_t field = 0;
  uint64_t number = 0;     // varint, fixed32 or fixed64
  std::string_view bytes;  // length-delimited
};

// The fields of one message, in the file's order
// (https://protobuf.dev/programming-guides/encoding).
class Message {
 public:
  explicit Message(std::string_view bytes) : rest_(bytes) {}

  // None at the end, and where the bytes are no message: then broken() says so.
  std::optional<Value> next() {
    if (rest_.empty() || broken_) return std::nullopt;
    const uint64_t tag = varint();
    Value value{.field = static_cast<uint32_t>(tag >> 3), .number = 0, .bytes = {}};
    switch (tag & 7) {
      case 0: value.number = varint(); break;
      case 1: value.number = fixed(8); break;
      case 2: value.bytes = take(varint()); break;
      case 5: value.number = fixed(4); break;
      default: broken_ = true;  // groups are long gone
    }
    if (broken_ || tag >> 3 == 0 || tag >> 32 != 0) {
      broken_ = true;
      return std::nullopt;
    }
    return value;
  }

  bool broken() const { return broken_; }

 private:
  std::string_view take(uint64_t count) {
    if (count > rest_.size()) {
      broken_ = true;
      return {};
    }
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

  uint64_t fixed(size_t count) {
    uint64_t number = 0;
    const std::string_view bytes = take(count);
    for (size_t i = 0; i < bytes.size(); ++i) {
      number |= static_cast<uint64_t>(static_cast<uint8_t>(bytes[i])) << (8 * i);
    }
    return number;
  }

  uint64_t varint() {
    uint64_t number = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const std::string_view byte = take(1);
      if (byte.empty()) return 0;
      const auto bits = static_cast<uint8_t>(byte[0]);
      number |= static_cast<uint64_t>(bits & 0x7F) << shift;
      if (bits < 0x80) return number;
    }
    broken_ = true;
    return 0;
  }

  std::string_view rest_;
  bool broken_ = false;
};

Status broken(std::string_view what) {
  return data_loss(fmt::format("expected a SentencePiece model; {}", what));
}

Result<Piece> read_piece(std::string_view bytes) {
  Piece piece;
  Message message(bytes);
  while (const auto value = message.next()) {
    switch (value->field) {
      case Field::kPieceText: piece.text = value->bytes; break;
      case Field::kPieceScore:
        piece.score = std::bit_cast<float>(static_cast<uint32_t>(value->number));
        break;
      case Field::kPieceKind:
        if (value->number < 1 || value->number > 6) return broken("a piece is of no known kind");
        piece.kind = static_cast<PieceKind>(value->number);
        break;
      default: break;
    }
  }
  if (message.broken()) return broken("a piece is cut off");
  if (piece.text.empty()) return broken("a piece has no text");
  if (find_invalid_utf8(piece.text) != std::string_view::npos) {
    return broken("a piece is no UTF-8");
  }
  if (!std::isfinite(piece.score)) return broken("a piece's score is no number");
  return piece;
}

Status read_trainer(std::string_view bytes, SentencePieceModel& model) {
  Message message(bytes);
  while (const auto value = message.next()) {
    switch (value->field) {
      case Field::kAlgorithm:
        if (value->number != 1 && value->number != 2) {
          return unimplemented(fmt::format(
              "expected a SentencePiece model of unigrams (1) or byte pairs (2), found type {}",
              value->number));
        }
        model.algorithm = static_cast<SentencePieceModel::Algorithm>(value->number);
        break;
      case Field::kByteFallback: model.byte_fallback = value->number != 0; break;
      case Field::kUnknownId: model.unknown_id = static_cast<int32_t>(value->number); break;
      default: break;
    }
  }
  return message.broken() ? broken("its trainer's part is cut off") : Status();
}

Status read_normalizer(std::string_view bytes, SentencePieceModel& model) {
  Message message(bytes);
  while (const auto value = message.next()) {
    if (value->field == Field::kCharsmap) model.charsmap = value->bytes;
  }
  return message.broken() ? broken("its normalizer's part is cut off") : Status();
}

}  // namespace

Result<SentencePieceModel> parse_sentencepiece_model(std::string_view bytes) {
  SentencePieceModel model;
  Message message(bytes);
  while (const auto value = message.next()) {
    switch (value->field) {
      case Field::kPieces: {
        ACCEL_ASSIGN(Piece piece, read_piece(value->bytes));
        model.pieces.push_back(std::move(piece));
        break;
      }
      case Field::kTrainer: ACCEL_TRY(read_trainer(value->bytes, model)); break;
      case Field::kNormalizer: ACCEL_TRY(read_normalizer(value->bytes, model)); break;
      default: break;
    }
  }
  if (message.broken())
    return broken(fmt::format("it breaks off after {} pieces", model.pieces.size()));
  if (model.pieces.empty()) return broken("it has no pieces");
  if (model.unknown_id < 0 || std::cmp_greater_equal(model.unknown_id, model.pieces.size())) {
    return broken(fmt::format("its unknown piece {} is not one of {}", model.unknown_id,
                              model.pieces.size()));
  }
  return model;
}

}  // namespace accel::text
