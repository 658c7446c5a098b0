// Weights: a checkpoint's tensors as graph constants over the mapped file.
//
// A family asks for each tensor by name and shape while it builds its graph. Nothing is copied: the
// constants view the mapping. Asking for what is not there yields a placeholder, so that building
// goes on and check() can name every missing, extra and wrongly shaped tensor at once.
#pragma once

#include <map>
#include <memory>
#include <openvino/core/node_output.hpp>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accel/status.h"
#include "accel/tensor.h"

namespace accel::models {

using Output = ov::Output<ov::Node>;

// A weight that its file does not hold as it is wanted: packed in blocks of few bits, or in another
// order. Made when asked for. Immutable; safe from any thread.
class DerivedWeight {
 public:
  virtual ~DerivedWeight() = default;
  virtual DType dtype() const = 0;  // of tensor()
  virtual const Shape& shape() const = 0;
  // As an f32 value of the graph: integers with their scales where engines compute with those, else
  // tensor().
  virtual Output value() const = 0;
  virtual Tensor tensor() const = 0;
};

// A tensor of a checkpoint: where it lies, and what keeps it there.
struct WeightEntry {
  std::string name;
  Tensor tensor = {};                                      // a view of the mapped file
  std::shared_ptr<const DerivedWeight> derived = nullptr;  // instead of the view

  DType dtype() const { return derived ? derived->dtype() : tensor.dtype(); }
  const Shape& shape() const { return derived ? derived->shape() : tensor.shape(); }
  Tensor numbers() const { return derived ? derived->tensor() : tensor; }
};

// `tensor`, of floats of any width, as an f32 value of a graph that views and keeps it.
Output float_constant(const Tensor& tensor);

class Weights {
 public:
  // An outline has the graph's shapes, and nothing is derived for it.
  explicit Weights(std::vector<WeightEntry> entries, bool outline = false);

  bool has(std::string_view name) const { return lookup(name) != nullptr; }

  // Strips `prefix` from now on where names carry it (heads stand beside it): of "bert." and "",
  // the one that occurs with `probe`, e.g. choose_prefix({"bert.", ""},
  // "embeddings.word_embeddings.weight").
  void choose_prefix(std::span<const std::string_view> prefixes, std::string_view probe);

  // The tensor, of floats of any width, as an f32 value of the graph. Other types stay as they are
  // in memory and are converted by the engine. Old names are understood: "LayerNorm.gamma" for
  // "LayerNorm.weight", "beta" for "bias".
  Output get(const std::string& name, const Shape& shape);

  // The tensor, of integers of any width, as an i64 value of the graph.
  Output get_integers(const std::string& name, const Shape& shape);

  // The rows of several tensors below one another, as one value: [sum of rows, ...]. Copies, and
  // marks the sources as released once packed.
  Output get_stacked(const std::vector<std::string>& names, const Shape& each);

  // The tensor itself, for a value computed at build time; empty when missing (recorded).
  Tensor raw(const std::string& name, const Shape& shape);

  // Tensors whose names, with or without the chosen prefix, start so are not missed: those of a
  // part of the model that this graph leaves out.
  void skip(std::string_view start);

  // INVALID_ARGUMENT naming all deviations, and beside what is missing the nearest name of a tensor
  // that nobody asked for. Tensors not asked for are extra unless their name, with or without the
  // chosen prefix, starts with one of `unused` (other heads), or ends with it behind a "*" (buffers
  // of every layer).
  Status check(std::span<const std::string_view> unused) const;

  // Sum over all tensors asked for.
  uint64_t parameters() const { return parameters_; }

 private:
  const std::pair<const std::string, WeightEntry>* lookup(std::string_view name) const;
  enum class Kind { kFloats, kIntegers };
  // What is wrong with a tensor that was asked for.
  struct Problem {
    std::string text;
    std::string missing = {};  // its full name, when that is what is wrong
  };
  const WeightEntry* demand(const std::string& name, const Shape& shape, Kind kind = Kind::kFloats);
  Output derived_value(const WeightEntry& entry);
  std::vector<std::string> described_problems() const;

  std::map<std::string, WeightEntry, std::less<>> entries_;
  bool outline_;
  std::map<std::string, Output, std::less<>> derived_;  // in the graph already
  std::string prefix_;
  std::set<std::string, std::less<>> used_;
  std::vector<Problem> problems_;
  uint64_t parameters_ = 0;
};

}  // namespace accel::models
