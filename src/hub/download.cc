#include "hub/download.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>

#include "base/files.h"
#include "base/try.h"
#include "hub/blob_file.h"
#include "hub/cache_walk.h"
#include "hub/hub_cache.h"
#include "hub/retry.h"
#include "store/file_lock.h"

namespace accel::hub {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kStepMax{100};
constexpr milliseconds kLockPause{300};
constexpr uint64_t kSpaceToLeave = 16ull << 20;  // for links, references and others
constexpr int kJobsMax = 16;

// The body of a small answer.
class TextSink : public HttpSink {
 public:
  explicit TextSink(uint64_t bytes_max) : bytes_max_(bytes_max) {}
  Status head(const HttpHead&) override {
    text_.clear();
    return {};
  }
  Status body(std::string_view bytes) override {
    if (text_.size() + bytes.size() > bytes_max_) {
      return resource_exhausted(
          fmt::format("expected a listing of at most {} bytes, the server sends more", bytes_max_));
    }
    text_ += bytes;
    return {};
  }
  const std::string& text() const { return text_; }

 private:
  const uint64_t bytes_max_;
  std::string text_;
};

bool stop_wanted(int stop_fd) {
  pollfd stop{.fd = stop_fd, .events = POLLIN, .revents = 0};
  return stop_fd >= 0 && ::poll(&stop, 1, 0) > 0;
}

Status stopped() {
  return cancelled("the pull was interrupted; the same command goes on where it stopped");
}

// A file that is fetched or waits for it.
struct Job {
  RepositoryFile file;
  Clock::time_point due;  // not before
  Retry retry;
  uint64_t asked_at = 0;  // bytes that were there when the request began
  uint64_t id = 0;        // of the request; 0: none
  bool began_again = false;
  bool done = false;
  PulledState state = PulledState::kDownloaded;
  // Both from the first try to the end of the file.
  std::unique_ptr<store::FileLock> lock;
  std::unique_ptr<BlobFile> blob;
};

class Puller {
 public:
  Puller(const PullOptions& options, HttpClient& http)
      : options_(options), http_(http), places_(options.cache, options.name) {}

  Result<PullReport> run();

 private:
  // Waits that long, or until somebody wants it to stop.
  Status pause(milliseconds wait) const;
  Result<std::string> ask_for_listing();
  Result<Listing> list();
  Asked asked(const std::string& file) const {
    return {options_.endpoint, options_.name.text(), file, !options_.token.empty()};
  }
  void sort_out(const Choice& choice);
  Status check_space() const;
  Result<std::unique_ptr<store::FileLock>> lock_model_or_wait() const;
  Status fetch_all();
  Status start_due();
  Status start(Job& job);
  Status finish(Job& job);
  Status take(Job& job, const HttpOutcome& outcome);
  Status fail(Job& job, const Status& status);
  void report_progress() const;
  void remove_empty_folders() const;

  const PullOptions& options_;
  HttpClient& http_;
  const ModelPlaces places_;
  std::string commit_;
  bool disk_full_ = false;
  std::vector<Job> jobs_;
  PullReport report_;
};

Status Puller::pause(milliseconds wait) const {
  for (const auto until = Clock::now() + wait; Clock::now() < until;) {
    if (stop_wanted(options_.stop_fd)) return stopped();
    ACCEL_TRY(http_.step(kStepMax, options_.stop_fd).status());
  }
  return {};
}

Result<std::string> Puller::ask_for_listing() {
  const std::string revision = options_.name.revision_or_main();
  const HttpRequest request{
      .url = fmt::format("{}/api/models/{}/revision/{}?blobs=true", options_.endpoint,
                         url_quoted(options_.name.repository, true), url_quoted(revision, false)),
      .token = options_.token};
  TextSink text(kListingBytesMax);
  Retry retry;
  while (true) {
    http_.start(request, text);
    std::vector<HttpOutcome> ended;
    while (ended.empty()) {
      if (stop_wanted(options_.stop_fd)) {
        http_.stop_all();  // before its sink goes
        return stopped();
      }
      ACCEL_ASSIGN(ended, http_.step(kStepMax, options_.stop_fd));
    }
    const HttpOutcome& outcome = ended.front();
    if (outcome.ok()) return text.text();
    const auto wait = retry.next(outcome, false);
    if (!wait) return error_of(outcome, asked(""));
    ACCEL_TRY(pause(*wait));
  }
}

Result<Listing> Puller::list() {
  ACCEL_ASSIGN(const std::string text, ask_for_listing());
  Result<Listing> listing = parse_listing(text);
  if (!listing.ok()) {
    return listing.status().with_context("the listing of " + options_.name.text() + " from " +
                                         options_.endpoint);
  }
  const std::string& revision = options_.name.revision;
  if (is_commit(revision) && listing->commit != revision) {
    return data_loss(fmt::format("{}: expected a listing of that commit, found one of {}",
                                 options_.name.text(), listing->commit));
  }
  return listing;
}

void Puller::sort_out(const Choice& choice) {
  for (const RepositoryFile& file : choice.files) {
    const fs::path blob = places_.blob(file.hash);
    const bool there = is_file(blob) && file_bytes(blob) == file.size;
    report_.files.push_back({file, there ? PulledState::kCached : PulledState::kDownloaded});
    // Two files of one content are one blob.
    const bool known =
        std::ranges::any_of(jobs_, [&](const Job& job) { return job.file.hash == file.hash; });
    if (there || known) continue;
    jobs_.emplace_back().file = file;
  }
  std::ranges::stable_sort(jobs_, std::greater<>(), [](const Job& job) { return job.file.size; });
}

Status Puller::check_space() const {
  uint64_t needed = kSpaceToLeave;
  for (const Job& job : jobs_) {
    needed +=
        job.file.size - std::min(job.file.size, file_bytes(places_.incomplete(job.file.hash)));
  }
  std::error_code error;
  const fs::space_info space = fs::space(places_.folder, error);
  if (error || space.available >= needed) return {};
  return resource_exhausted(fmt::format(
      "{}: expected room for {:.1f} MiB in {}, found {:.1f} MiB; accel list shows what could go, "
      "and HF_HUB_CACHE may name a folder on another disk",
      options_.name.text(), static_cast<double>(needed) / (1 << 20), options_.cache.string(),
      static_cast<double>(space.available) / (1 << 20)));
}

Result<std::unique_ptr<store::FileLock>> Puller::lock_model_or_wait() const {
  bool told = false;
  while (true) {
    auto lock = lock_model(places_, milliseconds(0));
    if (lock.ok() || lock.status().code() != StatusCode::kDeadlineExceeded) return lock;
    if (!told && options_.waiting) options_.waiting();
    told = true;
    ACCEL_TRY(pause(kLockPause));
  }
}

Status Puller::start(Job& job) {
  if (!job.lock) {
    auto lock = store::FileLock::acquire(places_.blob_lock(job.file.hash), milliseconds(0));
    if (lock.status().code() == StatusCode::kDeadlineExceeded) {  // another client fetches it
      job.due = Clock::now() + kLockPause;
      return {};
    }
    ACCEL_TRY(lock.status());
    job.lock = std::move(*lock);
    if (file_bytes(places_.blob(job.file.hash)) == job.file.size &&
        is_file(places_.blob(job.file.hash))) {
      job.done = true;
      job.state = PulledState::kCached;
      job.lock.reset();
      return {};
    }
  }
  if (!job.blob) {
    ACCEL_ASSIGN(job.blob, BlobFile::open(places_.incomplete(job.file.hash), job.file));
  }
  if (job.blob->whole()) return finish(job);
  job.asked_at = job.blob->have();
  job.id = http_.start({.url = fmt::format("{}/{}/resolve/{}/{}", options_.endpoint,
                                           url_quoted(options_.name.repository, true), commit_,
                                           url_quoted(job.file.name, true)),
                        .token = options_.token,
                        .begin = job.blob->have()},
                       *job.blob);
  return {};
}

Status Puller::finish(Job& job) {
  const bool resumed = job.blob->resumed();
  const Status published = job.blob->publish(places_.blob(job.file.hash));
  if (published.code() == StatusCode::kDataLoss && resumed && !job.began_again) {
    // What an earlier try left may be at fault.
    job.began_again = true;
    return job.blob->restart();
  }
  if (!published.ok()) return fail(job, published);
  job.state = resumed ? PulledState::kResumed : PulledState::kDownloaded;
  job.done = true;
  job.blob.reset();
  job.lock.reset();
  return {};
}

Status Puller::fail(Job& job, const Status& status) {
  const bool keep =
      status.code() != StatusCode::kDataLoss && status.code() != StatusCode::kResourceExhausted;
  if (job.blob && !keep) job.blob->discard();
  disk_full_ = disk_full_ || status.code() == StatusCode::kResourceExhausted;
  job.blob.reset();
  job.lock.reset();
  return status.with_context(options_.name.text());
}

Status Puller::take(Job& job, const HttpOutcome& outcome) {
  job.id = 0;
  const uint64_t have = job.blob->have();
  if (have > job.asked_at) report_.bytes_downloaded += have - job.asked_at;
  if (outcome.ok() && job.blob->whole()) return finish(job);
  if (outcome.head.code == 416 && have > 0 && !job.began_again) {
    job.began_again = true;
    return job.blob->restart();
  }
  HttpOutcome failed = outcome;
  if (outcome.ok()) {  // an end without an error, and too early
    failed.may_pass = true;
    failed.status =
        unavailable(fmt::format("the server ended after {} of {} bytes", have, job.file.size));
  }
  if (const auto wait = job.retry.next(failed, have > job.asked_at)) {
    job.due = Clock::now() + *wait;
    return {};
  }
  if (!failed.status.ok() && !failed.may_pass) return fail(job, failed.status);
  const Status status = error_of(failed, asked(job.file.name));
  const std::string tries =
      job.retry.tries() > 1 ? fmt::format(" (tried {} times)", job.retry.tries()) : "";
  job.blob.reset();
  job.lock.reset();
  return {status.code(), status.message() + tries};
}

Status Puller::start_due() {
  const auto active = [&] {
    return std::ranges::count_if(jobs_, [](const Job& job) { return job.id != 0; });
  };
  for (Job& job : jobs_) {
    if (active() >= std::clamp(options_.jobs, 1, kJobsMax)) return {};
    if (!job.done && job.id == 0 && job.due <= Clock::now()) ACCEL_TRY(start(job));
  }
  return {};
}

void Puller::report_progress() const {
  if (!options_.progress) return;
  PullProgress now{.files_total = jobs_.size()};
  for (const Job& job : jobs_) {
    const uint64_t have = job.done ? job.file.size : job.blob ? job.blob->have() : 0;
    now.bytes += have;
    now.bytes_total += job.file.size;
    now.files += job.done ? 1 : 0;
    now.each.push_back({job.file.hash, have, job.file.size});
  }
  options_.progress(now);
}

Status Puller::fetch_all() {
  const auto all_done = [&] { return std::ranges::all_of(jobs_, &Job::done); };
  while (!all_done()) {
    ACCEL_TRY(start_due());
    if (all_done()) break;
    ACCEL_ASSIGN(const std::vector<HttpOutcome> ended, http_.step(kStepMax, options_.stop_fd));
    for (const HttpOutcome& outcome : ended) {
      const auto job = std::ranges::find(jobs_, outcome.id, &Job::id);
      if (job != jobs_.end()) ACCEL_TRY(take(*job, outcome));
    }
    report_progress();
    if (stop_wanted(options_.stop_fd)) return stopped();
  }
  report_progress();
  return {};
}

void Puller::remove_empty_folders() const {
  std::error_code ignored;
  for (const fs::path& folder : {places_.blobs, places_.snapshots, places_.refs, places_.folder}) {
    if (fs::is_empty(folder, ignored)) fs::remove(folder, ignored);
  }
}

Result<PullReport> Puller::run() {
  ACCEL_ASSIGN(const Listing listing, list());
  commit_ = report_.commit = listing.commit;
  auto choice = choose_files(listing, options_.selection);
  if (!choice.ok()) return choice.status().with_context(options_.name.text());
  report_.choice = std::move(*choice);
  report_.folder = places_.snapshot(commit_);
  if (options_.dry_run) {
    sort_out(report_.choice);
    for (const Job& job : jobs_) report_.bytes_downloaded += job.file.size;
    return report_;
  }
  ACCEL_ASSIGN(const auto lock, lock_model_or_wait());
  sort_out(report_.choice);
  std::error_code error;
  fs::create_directories(places_.blobs, error);
  if (error) return errno_status(error.value(), "creating", places_.blobs.string());
  Status status = check_space();
  if (status.ok()) status = fetch_all();
  if (status.ok()) {
    status =
        publish_snapshot(places_, commit_, options_.name.revision_or_main(), report_.choice.files);
  }
  for (const Job& job : jobs_) {
    for (PulledFile& file : report_.files) {
      if (file.file.hash == job.file.hash) file.state = job.state;
    }
  }
  http_.stop_all();
  if (disk_full_) {
    for (const Job& job : jobs_) {
      if (job.blob) job.blob->discard();
    }
  }
  jobs_.clear();
  if (status.ok()) return report_;
  remove_empty_folders();
  return status;
}

}  // namespace

std::string_view to_string(PulledState state) {
  switch (state) {
    case PulledState::kCached: return "cached";
    case PulledState::kDownloaded: return "downloaded";
    case PulledState::kResumed: return "resumed";
  }
  return "";
}

Result<PullReport> pull(const PullOptions& options) {
  if (options.cache.empty()) {
    return failed_precondition("there is no place for models: set HF_HUB_CACHE, HF_HOME or HOME");
  }
  ACCEL_ASSIGN(const auto http, HttpClient::create(options.http));
  Puller puller(options, *http);
  return puller.run();
}

}  // namespace accel::hub
