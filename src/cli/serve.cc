// accel serve: models over HTTP.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "accel/model_manager.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/file_looks.h"
#include "cli/model_reload.h"
#include "cli/serve_flags.h"
#include "engine/local_service.h"
#include "server/gate/keyed_gate.h"
#include "server/http/http_server.h"
#include "server/server.h"
#include "server/sight/log_file.h"
#include "server/sight/metrics.h"
#include "server/sight/request_log.h"
#include "server/sight/trace_exporter.h"

namespace accel::cli {
namespace {

// How often TLS files and keys are looked at where models never are.
constexpr double kLookAtSecretsSeconds = 2;

// SIGTERM, SIGINT and SIGHUP come to wait() instead of ending the process. Made before any thread.
class Signals {
 public:
  Signals() {
    ::sigemptyset(&set_);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&set_, signal);
    ::pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  // 0: none came for so long.
  int wait(double seconds) const {
    const auto whole = static_cast<time_t>(seconds);
    const timespec time{.tv_sec = whole,
                        .tv_nsec = static_cast<long>((seconds - static_cast<double>(whole)) * 1e9)};
    const int signal = ::sigtimedwait(&set_, nullptr, &time);
    return std::max(signal, 0);
  }
  // From here on they end the process, as an impatient user expects.
  void let_through() const { ::pthread_sigmask(SIG_UNBLOCK, &set_, nullptr); }

 private:
  sigset_t set_{};
};

class ServeCommand {
 public:
  explicit ServeCommand(ServeFlags flags) : flags_(std::move(flags)) {}

  Status run();

 private:
  Status define_models();
  Status open_files();
  Status make_servers();
  std::vector<server::RequestObserver> observers() const;
  Status listen();
  Status load_models();
  std::vector<std::string> secrets() const;
  void reload_secrets();
  void drain();
  std::string ready_text() const;
  std::string url_of(size_t listener) const;

  ServeFlags flags_;
  const Signals signals_;
  const ServiceNotifier services_{::getenv, ::getpid()};
  std::vector<ListenAddress> addresses_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<ModelManager> manager_;
  std::unique_ptr<ModelReload> models_;
  std::unique_ptr<service::InferenceService> service_;
  // Null where the flags do not ask for them.
  std::unique_ptr<service::InferenceService> pulling_;  // asks service_
  std::unique_ptr<server::KeyFile> keys_;
  std::shared_ptr<http::TlsSource> tls_;
  std::unique_ptr<server::LogFile> log_file_;
  std::unique_ptr<server::RequestLog> log_;
  std::unique_ptr<server::TraceExporter> traces_;
  FileLooks secret_looks_;
  std::unique_ptr<server::Metrics> metrics_;
  std::unique_ptr<server::KeyedGate> gate_;
  std::unique_ptr<server::InputResolver> inputs_;
  std::vector<std::unique_ptr<server::Server>> servers_;  // for all, and for administrators
  std::unique_ptr<http::HttpServer> http_;                // ends first
};

Status ServeCommand::define_models() {
  ACCEL_ASSIGN(ServedSetup setup, flags_.setup());
  ACCEL_ASSIGN(manager_, ModelManager::create(*engine_, setup.manager));
  ModelReloadOptions options{.read = [flags = flags_] { return flags.setup(); },
                             .lazy = flags_.lazy,
                             .done = [this] { services_.ready(ready_text()); }};
  ACCEL_ASSIGN(models_,
               ModelReload::create(*engine_, *manager_, std::move(setup), std::move(options)));
  return {};
}

Status ServeCommand::open_files() {
  if (!flags_.keys.empty()) {
    ACCEL_ASSIGN(keys_, server::KeyFile::open(flags_.keys));
  }
  const http::TlsOptions& tls = flags_.tls;
  if (!tls.certificate_file.empty() || !tls.key_file.empty()) {
    ACCEL_ASSIGN(tls_, http::TlsSource::create(tls));
  }
  secret_looks_ = look_at(secrets());
  const auto say = [](std::string_view sentence) { notice(sentence); };
  ACCEL_ASSIGN(const double ratio, flags_.sampled());
  if (!flags_.trace_to.empty()) {
    ACCEL_ASSIGN(traces_, server::TraceExporter::create(
                              {.url = flags_.trace_to,
                               .ratio = ratio,
                               .source = {.service_version = std::string(version()),
                                          .server_address = addresses_[0].address,
                                          .server_port = addresses_[0].port},
                               .say = say}));
  }
  if (flags_.log_requests.empty()) return {};
  ACCEL_ASSIGN(log_file_, server::LogFile::create({.path = flags_.log_requests, .say = say}));
  log_ = std::make_unique<server::RequestLog>(server::RequestLogOptions{
      .format = flags_.log_format == "json" ? server::LogFormat::kJson : server::LogFormat::kText,
      .sink = log_file_->sink(),
      .trace_ratio = traces_ ? ratio : 0});
  return {};
}

std::vector<server::RequestObserver> ServeCommand::observers() const {
  std::vector<server::RequestObserver> observers{metrics_->observer()};
  if (log_ != nullptr) observers.push_back(log_->observer());
  if (traces_ != nullptr) observers.push_back(traces_->observer());
  return observers;
}

Status ServeCommand::make_servers() {
  using server::Scope;
  engine::LocalServiceOptions local{.say = [](std::string_view sentence) { notice(sentence); }};
  service_ = engine::make_local_service(*engine_, *manager_, local);
  const engine::PullingOptions pulling = flags_.pulling();
  if (!pulling.allowed.empty()) {
    pulling_ = engine::make_pulling_service(*service_, *engine_, *manager_, pulling);
  }
  metrics_ = std::make_unique<server::Metrics>(*service_);
  gate_ = std::make_unique<server::KeyedGate>(
      server::GateOptions{.limits = flags_.limits(), .keys = keys_.get()});
  ACCEL_ASSIGN(server::ServerOptions options, flags_.server_options());
  ACCEL_ASSIGN(server::InputOptions input_options, flags_.input_options());
  input_options.bytes_max = options.body_bytes_max;
  if (log_ != nullptr) {
    input_options.observer = [this](const server::InputRecord& record) { log_->observe(record); };
  }
  ACCEL_ASSIGN(inputs_, server::InputResolver::create(std::move(input_options)));
  const server::ServerParts parts{.service = pulling_ ? *pulling_ : *service_,
                                  .gate = *gate_,
                                  .observers = observers(),
                                  .metrics = [this] { return metrics_->text(); },
                                  .inputs = inputs_.get()};
  const bool apart = std::ranges::any_of(addresses_, &ListenAddress::admin);
  if (apart) options.scopes = {Scope::kPublic, Scope::kInfer};
  servers_.push_back(std::make_unique<server::Server>(options, parts));
  if (apart) {
    options.scopes = {Scope::kPublic, Scope::kAdmin, Scope::kMetrics};
    servers_.push_back(std::make_unique<server::Server>(options, parts));
  }
  return {};
}

Status ServeCommand::listen() {
  std::vector<http::Listener> listeners;
  for (const ListenAddress& one : addresses_) {
    listeners.push_back({.address = one.address,
                         .port = one.port,
                         .fd = one.fd,
                         .handler = servers_[one.admin ? 1 : 0].get(),
                         .tls = tls_});
  }
  ACCEL_ASSIGN(http_, http::HttpServer::create({}, std::move(listeners)));
  server::MetricSources sources{.http = [this] { return http_->counts(); },
                                .in_flight =
                                    [this] {
                                      uint64_t sum = 0;
                                      for (const auto& one : servers_) sum += one->in_flight();
                                      return sum;
                                    }};
  if (log_file_ != nullptr) sources.log = [this] { return log_file_->counts(); };
  sources.inputs = [this] { return inputs_->counts(); };
  sources.reloads = [this] { return models_->counts(); };
  if (tls_ != nullptr) sources.certificate_seconds = [this] { return tls_->seconds_left(); };
  if (traces_ != nullptr) sources.traces = [this] { return traces_->counts(); };
  metrics_->watch(std::move(sources));
  return {};
}

// The server answers meanwhile, but is not ready.
Status ServeCommand::load_models() {
  for (const ManagedModel& model : manager_->models()) {
    if (flags_.lazy) break;
    services_.status("loading " + model.name);
    ACCEL_ASSIGN(const ModelLease lease,
                 manager_->acquire(fmt::format("{}:{}", model.name, model.version)));
    // What it is for; a graph without a task is compiled by the first who asks.
    const Status ready = lease->prepare("");
    if (!ready.ok() && ready.code() != StatusCode::kFailedPrecondition) return ready;
  }
  for (const auto& one : servers_) one->state().set_ready(true);
  return {};
}

std::vector<std::string> ServeCommand::secrets() const {
  std::vector<std::string> files;
  for (const auto& path : {flags_.keys, flags_.tls.certificate_file, flags_.tls.key_file,
                           flags_.tls.client_authority_file}) {
    if (!path.empty()) files.push_back(path);
  }
  return files;
}

// What cannot be read stays as it was.
void ServeCommand::reload_secrets() {
  secret_looks_ = look_at(secrets());
  const auto say = [](std::string_view what, const Status& status) {
    notice(status.ok() ? fmt::format("{}: read again", what)
                       : fmt::format("{}: stays as it was: {}", what, status.message()));
  };
  if (keys_ != nullptr) say(flags_.keys, keys_->reload());
  if (tls_ != nullptr) say(flags_.tls.certificate_file, tls_->reload());
}

std::string ServeCommand::ready_text() const {
  std::vector<std::string> names;
  const std::vector<ManagedModel> models = manager_->models();
  for (const ManagedModel& model : models) {
    const bool several = std::ranges::count(models, model.name, &ManagedModel::name) > 1;
    names.push_back(several ? fmt::format("{}:{}", model.name, model.version) : model.name);
  }
  return fmt::format("ready: {}", fmt::join(names, ", "));
}

std::string ServeCommand::url_of(size_t listener) const {
  const std::string& address = addresses_[listener].address;
  if (address.starts_with("unix:")) return address;
  const bool bracketed = address.find(':') != std::string::npos;
  return fmt::format("{}://{}{}{}:{}", tls_ ? "https" : "http", bracketed ? "[" : "", address,
                     bracketed ? "]" : "", http_->ports()[listener]);
}

void ServeCommand::drain() {
  services_.stopping();
  for (const auto& one : servers_) one->state().set_ready(false);
  signals_.let_through();
  if (!http_->drain(static_cast<double>(flags_.drain_seconds))) {
    notice("some requests had not ended in time and were broken off");
  }
}

Status ServeCommand::run() {
  ACCEL_ASSIGN(const std::vector<GivenSocket> sockets, given_sockets(::getenv, ::getpid()));
  ACCEL_ASSIGN(addresses_, flags_.addresses(sockets));
  ACCEL_ASSIGN(engine_, flags_.model.make_engine());
  ACCEL_TRY(define_models());
  ACCEL_TRY(open_files());
  ACCEL_TRY(make_servers());
  ACCEL_TRY(listen());
  for (size_t i = 0; i < addresses_.size(); ++i) {
    notice(fmt::format("listening on {}{}", url_of(i),
                       addresses_[i].admin ? " for administrators" : ""));
  }
  ACCEL_TRY(load_models());
  notice(ready_text());
  services_.ready(ready_text());
  const bool looks = flags_.look_seconds() > 0;
  double wait_seconds = looks ? flags_.look_seconds() : kLookAtSecretsSeconds;
  if (services_.alive_seconds() > 0) {
    wait_seconds = std::min(services_.alive_seconds(), wait_seconds);
  }
  while (true) {
    const int signal = signals_.wait(wait_seconds);
    services_.alive();
    if (signal == SIGHUP && log_file_ != nullptr) {
      const Status reopened = log_file_->reload();
      if (!reopened.ok()) notice(reopened.message());
    }
    if (look_again(secret_looks_) != secret_looks_ || signal == SIGHUP) reload_secrets();
    if ((looks && models_->files_changed()) || signal == SIGHUP) {
      services_.reloading();
      models_->ask();
    }
    if (signal == SIGTERM || signal == SIGINT) break;
  }
  drain();
  return {};
}

}  // namespace

Status run_serve(const Command& command, const Arguments& arguments) {
  ServeFlags given;
  Flags flags(command);
  given.declare(flags);
  ACCEL_ASSIGN(ovms::Translated translated, ovms::translate_flags(arguments));
  ACCEL_ASSIGN(const bool help_shown, flags.parse(translated.arguments));
  if (help_shown) return {};
  for (const std::string& text : translated.notices) notice(text);
  given.take(std::move(translated));
  return ServeCommand(std::move(given)).run();
}

}  // namespace accel::cli
