// Server: the endpoints, behind the gate, before a service; what an HTTP server asks for its
// answers.
//
//   Server server(options, {.service = *service, .gate = *gate});
//   auto http = http::HttpServer::create({}, {{.port = 8000, .handler = &server}});
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "server/endpoint.h"
#include "server/gate.h"
#include "server/http/message.h"
#include "server/inputs/input_resolver.h"
#include "server/request_record.h"
#include "service/inference_service.h"

namespace accel::server {

// When answers are compressed, for clients that take it.
enum class Compression : uint8_t {
  kNever,
  kRemote,  // from `compress_bytes_min` on, unless the client is on this machine
  kAlways,  // from `compress_bytes_min` on
};

struct ServerOptions {
  RequestLimits limits;
  uint64_t body_bytes_max = 64 << 20;  // of a request, or of a message of gRPC, decoded
  // A request's time from its head on, where the client says none; 0: no bound.
  double timeout_seconds = 60;
  // A request of one item that is the only one under way runs on its connection's own thread where
  // it takes no longer than this (SubmitOptions::here_ms): for a server whose other threads go on
  // serving.
  double here_ms = 0;
  Compression compression = Compression::kRemote;
  uint64_t compress_bytes_min = 16 << 10;
  // Of pages that may read answers (CORS), as "https://example.org"; "*" is all. Empty: none.
  std::vector<std::string> origins;
  // Which endpoints there are; empty: all.
  std::vector<Scope> scopes;
};

// What the server knows of itself. Safe from any thread.
class ServerState {
 public:
  bool ready() const { return ready_; }
  // Whether new requests make sense: models that are to be there from the beginning are, and the
  // server does not drain.
  void set_ready(bool ready) { ready_ = ready; }
  // In the form of Prometheus; empty: nothing is counted.
  std::string metrics() const { return metrics_ ? metrics_() : std::string(); }
  std::span<const Endpoint> endpoints() const { return endpoints_; }
  std::span<const Endpoint> grpc_methods() const { return grpc_methods_; }

 private:
  friend class Server;
  std::atomic<bool> ready_ = false;
  std::function<std::string()> metrics_;
  std::vector<Endpoint> endpoints_;
  std::vector<Endpoint> grpc_methods_;
};

struct ServerParts {
  service::InferenceService& service;
  Gate& gate;
  std::vector<RequestObserver> observers;
  std::function<std::string()> metrics;       // may be empty
  std::vector<Endpoint> more_endpoints = {};  // beside those of endpoints.h
  InputResolver* inputs = nullptr;            // of images and recordings by URL; null: no such
};

// The parts outlive it.
class Server : public http::Handler {
 public:
  Server(ServerOptions options, ServerParts parts);

  std::unique_ptr<http::Exchange> open(http::RequestHead head) override;
  http::Response refuse(int status, const std::string& why) override;

  ServerState& state() { return state_; }
  // Requests whose head was read and that have not ended.
  uint64_t in_flight() const { return in_flight_; }

 private:
  friend class EndpointExchange;
  std::unique_ptr<http::Exchange> open_call(const http::RequestHead& head);

  const ServerOptions options_;
  const ServerParts parts_;
  ServerState state_;
  std::atomic<uint64_t> in_flight_ = 0;
};

}  // namespace accel::server
