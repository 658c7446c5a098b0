#include "server/inputs/input_resolver.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

#include "base/try.h"
#include "base/work_queue.h"
#include "server/inputs/input_fetch.h"
#include "server/inputs/input_job.h"

namespace accel::server {
namespace {

class JobResolution : public Resolution {
 public:
  explicit JobResolution(std::shared_ptr<InputJob> job) : job_(std::move(job)) {}
  ~JobResolution() override { job_->cancel(); }
  std::optional<Outcome> take() override { return job_->take(); }
  void notify(std::function<void()> waker) override { job_->notify(std::move(waker)); }

 private:
  const std::shared_ptr<InputJob> job_;
};

}  // namespace

class InputResolver::State {
 public:
  explicit State(InputOptions options) : options_(std::move(options)) {}

  Status begin() {
    if (!options_.hosts.empty()) {
      ACCEL_ASSIGN(fetcher_,
                   InputFetcher::create(options_.hosts, options_.ca_file, options_.bytes_max));
    }
    if (fetcher_ != nullptr || options_.files != nullptr) {
      workers_ = std::make_unique<WorkQueue>("inputs", std::max(options_.threads, 1));
    }
    return {};
  }

  std::unique_ptr<Resolution> resolve(service::RunItems run, InputAsker asker) {
    auto job = std::make_shared<InputJob>(std::move(run), std::move(asker), held_bytes_);
    auto resolution = std::make_unique<JobResolution>(job);
    std::optional<InputRefusal> refusal = look(*job);
    if (refusal || job->wanted.empty()) {
      job->end(std::move(refusal));
    } else if (!workers_->entrance().post([this, job] { job->end(fetch_all(*job)); })) {
      job->end(InputRefusal{unavailable("the server ends"), 503});
    }
    return resolution;
  }

  InputCountsByScheme counts() const {
    const std::lock_guard lock(mutex_);
    return counts_;
  }

 private:
  // What can be said without waiting: data URLs become their bytes, what is not allowed is refused.
  std::optional<InputRefusal> look(InputJob& job) {
    for (size_t i = 0; i < job.run.items.size(); ++i) {
      std::optional<std::string>& media = job.run.items[i].media;
      WantedInput wanted{.item = i, .scheme = media ? scheme_of(*media) : InputScheme::kNone};
      if (wanted.scheme == InputScheme::kNone) continue;
      const Status status =
          wanted.scheme == InputScheme::kData ? take_data(*media) : may_take(*media, wanted);
      if (!status.ok()) return refuse(job, wanted, status, Clock::now());
      if (wanted.scheme != InputScheme::kData) job.wanted.push_back(std::move(wanted));
    }
    return std::nullopt;
  }

  Status take_data(std::string& media) {
    ACCEL_ASSIGN(media, bytes_of_data_url(media));
    count(InputScheme::kData, &InputCounts::taken);
    return {};
  }

  Status may_take(const std::string& media, WantedInput& wanted) const {
    if (wanted.scheme == InputScheme::kFile) {
      wanted.shown = "file:";
      ACCEL_ASSIGN(wanted.path, path_of_file_url(media));
      wanted.shown = "file://" + wanted.path;
      if (options_.files != nullptr) return {};
      return permission_denied(
          "this server takes no files by name: send the bytes, or have input_files of the server "
          "name their folder");
    }
    wanted.shown = "http:";
    ACCEL_ASSIGN(wanted.url, parse_http_url(media));
    wanted.shown = wanted.url.shown();
    if (options_.hosts.have(wanted.url)) return {};
    return permission_denied(fmt::format(
        "this server fetches nothing from {}: send the bytes, or have input_hosts of the server "
        "name it",
        wanted.url.origin()));
  }

  // On a thread of its own. Inputs of one request come one after another.
  std::optional<InputRefusal> fetch_all(InputJob& job) {
    for (const WantedInput& wanted : job.wanted) {
      const Clock::time_point begun = Clock::now();
      if (job.held.all() >= options_.held_bytes_max) {
        return InputRefusal{
            resource_exhausted("inputs of requests under way fill the memory that they may have"),
            503};
      }
      Result<std::string> bytes = fetch(job, wanted, begun);
      if (!bytes.ok()) return refuse(job, wanted, bytes.status(), begun);
      job.held.add(bytes->size());
      count(wanted.scheme, &InputCounts::taken);
      observe({.asker = job.asker,
               .url = wanted.shown,
               .bytes = bytes->size(),
               .ms = 1e3 * seconds_since(begun)});
      job.run.items[wanted.item].media = std::move(*bytes);
    }
    return std::nullopt;
  }

  Result<std::string> fetch(const InputJob& job, const WantedInput& wanted,
                            Clock::time_point begun) {
    const auto most = std::chrono::duration<double>(options_.fetch_seconds_max);
    const Clock::time_point latest =
        std::min(job.deadline, begun + std::chrono::duration_cast<Clock::duration>(most));
    ACCEL_TRY(job.go_on(latest));
    const uint64_t left = options_.bytes_max - std::min(options_.bytes_max, job.held.own());
    if (wanted.scheme == InputScheme::kFile) return options_.files->read(wanted.path, left);
    return fetcher_->fetch(wanted.url, left, [&] { return job.go_on(latest); });
  }

  InputRefusal refuse(const InputJob& job, const WantedInput& wanted, const Status& why,
                      Clock::time_point begun) {
    const InputRefusal refusal{
        job.run.items.size() == 1 ? why : why.with_context(fmt::format("input[{}]", wanted.item)),
        http_status_of_input(why.code())};
    const bool denied = why.code() == StatusCode::kPermissionDenied;
    count(wanted.scheme, denied ? &InputCounts::refused : &InputCounts::failed);
    if (wanted.scheme != InputScheme::kData) {
      observe({.asker = job.asker,
               .url = wanted.shown,
               .status = refusal.status,
               .error = why.message(),
               .ms = 1e3 * seconds_since(begun)});
    }
    return refusal;
  }

  void count(InputScheme scheme, uint64_t InputCounts::*as) {
    const std::lock_guard lock(mutex_);
    ++(counts_[static_cast<size_t>(scheme)].*as);
  }

  void observe(const InputRecord& record) const {
    if (options_.observer) options_.observer(record);
  }

  const InputOptions options_;
  std::atomic<uint64_t> held_bytes_ = 0;
  std::unique_ptr<InputFetcher> fetcher_;  // null: no hosts
  mutable std::mutex mutex_;
  // Guarded by mutex_:
  InputCountsByScheme counts_;
  std::unique_ptr<WorkQueue> workers_;  // ends first; null: nothing is fetched
};

InputResolver::InputResolver(std::unique_ptr<State> state) : state_(std::move(state)) {}
InputResolver::~InputResolver() = default;

Result<std::unique_ptr<InputResolver>> InputResolver::create(InputOptions options) {
  auto state = std::make_unique<State>(std::move(options));
  ACCEL_TRY(state->begin());
  return std::unique_ptr<InputResolver>(new InputResolver(std::move(state)));
}

bool InputResolver::needs(const service::RunItems& run) {
  return std::ranges::any_of(run.items, [](const TaskInput& item) {
    return item.media && scheme_of(*item.media) != InputScheme::kNone;
  });
}

std::unique_ptr<Resolution> InputResolver::resolve(service::RunItems run, InputAsker asker) {
  return state_->resolve(std::move(run), std::move(asker));
}

InputCountsByScheme InputResolver::counts() const { return state_->counts(); }

}  // namespace accel::server
