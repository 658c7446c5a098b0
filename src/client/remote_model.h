// A model of a server, used as one of this process is.
//
//   ACCEL_ASSIGN(auto client, ServerClient::create({.url = "http://localhost:8000"}));
//   ACCEL_ASSIGN(auto model, RemoteModel::open(client, "minilm"));
//   ACCEL_ASSIGN(auto stream, model->run_stream());
//
// Several requests are under way at a time; reports say which server answered and what ran there.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "accel/engine.h"
#include "client/server_client.h"

namespace accel::client {

struct RemoteFacts {
  std::string task;            // what it is for, by the Hub's name; empty: none that runs
  int64_t embedding_size = 0;  // 0: none
};

// Of GET /v2/models/{model}/config. UNAVAILABLE for what another server says. Pure.
Result<RemoteFacts> parse_facts(std::string_view text);
// Of POST /v2/repository/index: each model once. Pure.
Result<std::vector<std::string>> parse_model_names(std::string_view text);

class RemoteModel {
 public:
  // Asks the server for its facts. An empty name is its only model; INVALID_ARGUMENT lists several.
  static Result<std::unique_ptr<RemoteModel>> open(std::shared_ptr<ServerClient> client,
                                                   std::string name);

  // As those of accel::Model (accel/engine.h). Rules that choose devices are the server's, and
  // results do not name the device of each item. Streams outlive the model.
  Result<std::unique_ptr<TaskStream>> run_stream(const RunOptions& options) const;
  Result<std::unique_ptr<EmbeddingStream>> embed_stream(const EmbedOptions& options) const;
  Result<EmbedResult> embed(const std::vector<std::string>& texts,
                            const EmbedOptions& options) const;

  const std::string& name() const { return name_; }
  const RemoteFacts& facts() const { return facts_; }

 private:
  RemoteModel(std::shared_ptr<ServerClient> client, std::string name, RemoteFacts facts)
      : client_(std::move(client)), name_(std::move(name)), facts_(std::move(facts)) {}

  const std::shared_ptr<ServerClient> client_;
  const std::string name_;
  const RemoteFacts facts_;
};

}  // namespace accel::client
