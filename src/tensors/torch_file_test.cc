#include "tensors/torch_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tensors/fixtures.h"

namespace accel::tensors {
namespace {

using testing::HasSubstr;

std::filesystem::path torch_fixture(std::string_view name) { return fixture("torch") / name; }

NamedTensors read(const std::filesystem::path& path) {
  const auto file = TorchFile::open(path);
  EXPECT_TRUE(file.ok()) << path << ": " << file.status().to_string();
  NamedTensors tensors;
  for (size_t i = 0; file.ok() && i < file->entries().size(); ++i) {
    tensors.push_back({file->entries()[i].name, file->tensor(file->entries()[i])});
  }
  return tensors;
}

Status refused(std::string_view name) {
  const auto file = TorchFile::open(torch_fixture(name));
  EXPECT_FALSE(file.ok()) << name;
  EXPECT_THAT(file.status().message(), HasSubstr(name));
  return file.status();
}

TEST(TorchFile, ReadsEveryTypeThatPyTorchWrites) {
  for (const char* name : {"all_types.pt", "old_format.pt"}) {
    const NamedTensors tensors = read(torch_fixture(name));
    EXPECT_EQ(tensors.size(), name[0] == 'a' ? 15U : 10U);
    for (const NamedTensor& each : tensors) {
      expect_equal(each.tensor, expected_values(*parse_dtype(each.name), {2, 3, 4}), each.name);
    }
  }
}

// The elements of [6, 8] from `begin` on, by strides.
Tensor part(const Shape& shape, const std::vector<int64_t>& strides, int64_t begin) {
  const Tensor base = expected_values(DType::kF32, {6, 8});
  std::vector<float> found;
  for (int64_t i = 0; i < shape[0]; ++i) {
    for (int64_t j = 0; j < (shape.size() > 1 ? shape[1] : 1); ++j) {
      const int64_t at = begin + i * strides[0] + (shape.size() > 1 ? j * strides[1] : 0);
      found.push_back(base.data<float>()[static_cast<size_t>(at)]);
    }
  }
  return Tensor::from<float>(shape, found);
}

TEST(TorchFile, ReadsViewsOfSharedStorages) {
  for (const char* name : {"views.pt", "old_views.pt"}) {
    const NamedTensors tensors = read(torch_fixture(name));
    const auto expect = [&](std::string_view view, const Tensor& expected) {
      ASSERT_NE(find(tensors, view), nullptr) << view;
      expect_equal(*find(tensors, view), expected, view);
    };
    expect("base", expected_values(DType::kF32, {6, 8}));
    expect("twin", expected_values(DType::kF32, {6, 8}));
    expect("rows", part({2, 8}, {8, 1}, 16));
    expect("transposed", part({8, 6}, {1, 8}, 0));
    expect("column", part({6}, {8}, 3));
    expect("steps", part({3, 3}, {16, 3}, 1));
    expect("repeated", part({3, 8}, {0, 1}, 0));
    expect("last", part({1}, {8}, 47));
    expect("scalar", part({1}, {1}, 10).reshaped({}));
    expect("none", Tensor::allocate(DType::kF32, {0, 8}));
    EXPECT_EQ(find(tensors, "permuted")->shape(), (Shape{4, 2, 3}));
    const Tensor cube = expected_values(DType::kF16, {2, 3, 4});
    EXPECT_EQ(chars_of(*find(tensors, "permuted")).substr(2, 2), chars_of(cube).substr(8, 2));
  }
}

TEST(TorchFile, ViewsTheMappingWhereItCan) {
  const auto file = *TorchFile::open(torch_fixture("views.pt"));
  const auto inside = [&](std::string_view name) {
    const auto entry = std::ranges::find(file.entries(), name, &TorchEntry::name);
    const std::byte* data = file.tensor(*entry).bytes().data();
    const auto bytes = file.mapping()->bytes();
    return data >= bytes.data() && data < bytes.data() + bytes.size();
  };
  EXPECT_TRUE(inside("base"));
  EXPECT_TRUE(inside("twin"));
  EXPECT_TRUE(inside("rows"));
  EXPECT_TRUE(inside("last"));
  EXPECT_FALSE(inside("transposed"));
  EXPECT_FALSE(inside("repeated"));
}

TEST(TorchFile, FindsTheStateDictOfATrainingScript) {
  const NamedTensors tensors = read(torch_fixture("wrapped.pt"));
  ASSERT_EQ(tensors.size(), 3U);
  expect_equal(*find(tensors, "weight"), expected_values(DType::kF32, {2, 3}), "weight");
  expect_equal(*find(tensors, "bias"), expected_values(DType::kF32, {2}), "bias");
  expect_equal(*find(tensors, "noted"), expected_values(DType::kF32, {4}), "noted");
}

TEST(TorchFile, ReadsEveryProtocol) {
  for (const char* name : {"protocol_2.pt", "protocol_3.pt", "protocol_4.pt", "protocol_5.pt"}) {
    const NamedTensors tensors = read(torch_fixture(name));
    ASSERT_EQ(tensors.size(), 2U);
    expect_equal(*find(tensors, "weight"), expected_values(DType::kF32, {2, 3}), name);
  }
}

TEST(TorchFile, ChecksumsAreCheckedOnRequestWhereThereAreAny) {
  const std::string whole = file_text(torch_fixture("views.pt"));
  EXPECT_TRUE(check_torch_checksums(as_bytes(whole)).ok());
  std::string damaged = whole;
  const auto entry = TorchFile::open(torch_fixture("views.pt"))->entries().front();
  damaged[entry.begin] = static_cast<char>(damaged[entry.begin] ^ 1);
  EXPECT_TRUE(parse_torch_file(as_bytes(damaged)).ok());
  EXPECT_EQ(check_torch_checksums(as_bytes(damaged)).code(), StatusCode::kDataLoss);
  EXPECT_THAT(check_torch_checksums(as_bytes(damaged)).message(), HasSubstr("views/data/0"));
  EXPECT_EQ(read(torch_fixture("no_checksums.pt")).size(), 2U);
  EXPECT_TRUE(check_torch_checksums(as_bytes(file_text(torch_fixture("no_checksums.pt")))).ok());
  EXPECT_TRUE(check_torch_checksums(as_bytes(file_text(torch_fixture("old_views.pt")))).ok());
}

TEST(TorchFile, WhatAsksToRunCodeIsRefusedByName) {
  for (const char* name : {"system_0.pt", "system_2.pt", "system_4.pt", "system_0.pkl",
                           "system_2.pkl", "system_4.pkl"}) {
    EXPECT_EQ(refused(name).code(), StatusCode::kPermissionDenied) << name;
    EXPECT_THAT(refused(name).message(), HasSubstr("posix.system")) << name;
  }
  EXPECT_THAT(refused("eval.pt").message(), HasSubstr("__builtin__.eval"));
  EXPECT_THAT(refused("module.pt").message(), HasSubstr("torch.nn.modules.linear.Linear"));
  EXPECT_FALSE(std::filesystem::exists("pwned"));
}

TEST(TorchFile, WhatIsNotReadIsRefusedByName) {
  const std::pair<const char*, const char*> cases[] = {
      {"sparse.pt", "sparse"},
      {"complex.pt", "ComplexFloatStorage"},
      {"program.pt", "TorchScript"},
      {"big.pt", "big-endian"},
      {"list.pt", "something else"},
      {"no_tensors.pt", "\"epoch\", \"lr\""},
      {"bomb.pt", "compressed"},
      {"leaves.pt", "leaves its folder"},
      {"storage_missing.pt", "\"bias\": its storage \"1\" is not in the file"},
      {"storage_short.pt", "\"weight\": its storage \"0\""},
      {"repeated_bomb.pt", "fill the memory"},
  };
  for (const auto& [name, words] : cases) {
    EXPECT_THAT(refused(name).message(), HasSubstr(words)) << name;
  }
  EXPECT_EQ(refused("repeated_bomb.pt").code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(refused("storage_short.pt").code(), StatusCode::kDataLoss);
}

TEST(TorchFile, TarArchivesAreRefusedByName) {
  std::string tar(512, '\0');
  tar.replace(257, 5, "ustar");
  EXPECT_THAT(parse_torch_file(as_bytes(tar)).status().message(), HasSubstr("tar archive"));
}

TEST(TorchFile, TruncationIsNoticedWhereverItHappens) {
  for (const char* name : {"protocol_2.pt", "old_views.pt"}) {
    const std::string whole = file_text(torch_fixture(name));
    ASSERT_TRUE(parse_torch_file(as_bytes(whole)).ok());
    for (size_t size = 0; size < whole.size(); ++size) {
      const auto cut = parse_torch_file(as_bytes(std::string_view(whole).substr(0, size)));
      ASSERT_FALSE(cut.ok()) << name << " of " << size;
      ASSERT_EQ(cut.status().code(), StatusCode::kDataLoss) << cut.status().to_string();
    }
  }
}

TEST(TorchFile, DamageNeverReachesBeyondTheFile) {
  for (const char* name : {"views.pt", "old_views.pt"}) {
    const std::string whole = file_text(torch_fixture(name));
    for (size_t at = 0; at < whole.size(); ++at) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
      const auto entries = parse_torch_file(as_bytes(damaged));
      for (size_t i = 0; entries.ok() && i < entries->size(); ++i) {
        (void)read_torch_tensor(as_bytes(damaged), (*entries)[i], nullptr);
      }
    }
  }
}

}  // namespace
}  // namespace accel::tensors
