#include "backend/graph_file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <openvino/core/model.hpp>
#include <sstream>

#include "backend/conformance_kit.h"
#include "backend/signature.h"

namespace accel::backend {
namespace {

Blob blob_of(std::string_view bytes) {
  auto owner =
      std::make_shared<Tensor>(Tensor::allocate(DType::kU8, {static_cast<int64_t>(bytes.size())}));
  std::memcpy(owner->mutable_data(), bytes.data(), bytes.size());
  return {owner->bytes(), owner};
}

std::string written(const ov::Model& model) {
  std::ostringstream out;
  const Status status = write_graph(model, out);
  EXPECT_TRUE(status.ok()) << status.to_string();
  return out.str();
}

std::vector<std::string> ports_of(const ov::Model& model) {
  std::vector<std::string> ports;
  const Signature signature = signature_of(model);
  for (const Port& port : signature.inputs) ports.push_back(describe(port));
  for (const Port& port : signature.outputs) ports.push_back(describe(port));
  return ports;
}

// Every case's graph, weights included, is the same after it went through bytes: written again it
// gives the same bytes.
TEST(GraphFile, EveryGraphComesBack) {
  for (const ConformanceCase& test : conformance_cases()) {
    const std::string bytes = written(*test.model);
    std::weak_ptr<const void> kept;
    {
      Blob blob = blob_of(bytes);
      kept = blob.owner;
      const auto model = read_graph(blob);
      ASSERT_TRUE(model.ok()) << test.name << ": " << model.status().to_string();
      blob = {};
      EXPECT_EQ(ports_of(**model), ports_of(*test.model)) << test.name;
      EXPECT_EQ((*model)->get_ops().size(), test.model->get_ops().size()) << test.name;
      EXPECT_EQ(written(**model), bytes) << test.name;
    }
    EXPECT_TRUE(kept.expired()) << test.name << ": the bytes are kept without the graph";
  }
}

TEST(GraphFile, OtherBytesAreRefused) {
  const std::string bytes = written(*arithmetic_cases().front().model);
  for (const std::string& wrong :
       {std::string(), bytes.substr(1), bytes.substr(0, bytes.size() - 1), bytes + '\0',
        std::string(1000, 'x')}) {
    EXPECT_EQ(read_graph(blob_of(wrong)).status().code(), StatusCode::kDataLoss) << wrong.size();
  }
}

}  // namespace
}  // namespace accel::backend
