// Two texts to vectors: the smallest complete program.
#include <accel/engine.h>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: embed MODEL_FOLDER\n"), 2;
  auto engine = accel::Engine::create();
  if (!engine.ok()) return std::puts(engine.status().to_string().c_str()), 1;
  auto model = (*engine)->load({.path = argv[1]});
  if (!model.ok()) return std::puts(model.status().to_string().c_str()), 1;
  auto result = (*model)->embed({"A text becomes a vector.", "So does another."});
  if (!result.ok()) return std::puts(result.status().to_string().c_str()), 1;

  const auto values = result->embeddings.data<float>();
  const auto size = static_cast<size_t>(result->embeddings.shape()[1]);
  float cosine = 0;  // the model ends in unit length
  for (size_t i = 0; i < size; ++i) cosine += values[i] * values[size + i];
  std::printf("%zu dimensions, similarity %.3f, on %s in %s\n", size, cosine,
              result->report.device.c_str(),
              std::string(to_string(result->report.precision)).c_str());
}
