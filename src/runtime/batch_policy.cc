#include "runtime/batch_policy.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace accel::runtime {
namespace {

constexpr size_t kRowsLookedAt = 512;   // bounds the time of a cut
constexpr double kOverheadsWorth = 20;  // of tokens make the overhead 5 %
constexpr double kLeastOverheads = 3;

// What a worker may take: its share of the tokens that wait. The free ones finish together, and the
// busy ones find theirs: a worker that finds nothing when it is through stands still until its
// callers have woken and asked again.
int64_t budget_of(int64_t waiting_tokens, const CutLimits& limits) {
  const int workers = std::max(limits.workers, 1);
  if (workers == 1) return limits.max_tokens;
  return std::clamp((waiting_tokens + workers - 1) / workers, least_tokens(limits),
                    std::max<int64_t>(limits.max_tokens, 1));
}

// How far to look for rows to join a batch, in tokens.
int64_t reach_of(int64_t waiting_tokens, const CutLimits& limits) {
  const double share = limits.share_looked_at * static_cast<double>(waiting_tokens);
  return std::llround(std::max(share, kOverheadsWorth * limits.overhead_tokens));
}

// The first of `order` that are of one kind and no more than `reach` together.
std::vector<uint32_t> joiners(std::span<const uint32_t> order, std::span<const WaitingRow> rows,
                              int64_t reach) {
  std::vector<uint32_t> found;
  int64_t tokens = 0;
  for (const uint32_t i : order) {
    if (rows[i].kind != rows[order.front()].kind) continue;
    tokens += std::max<int64_t>(rows[i].tokens, 1);
    if (!found.empty() && tokens > reach) break;
    found.push_back(i);
  }
  return found;
}

// Rows of one kind, longest first, and where the head is among them.
struct Company {
  std::vector<uint32_t> rows;
  size_t head = 0;
};

struct Window {
  size_t begin = 0;  // of Company::rows
  size_t end = 0;
};

// All rows cut into the batches that cost least together, and of these the one with the head: what
// would be padding in it is taken into account, and so is what it leaves for the next.
Window cheapest_window(const Company& company, std::span<const WaitingRow> rows, int64_t budget,
                       double overhead) {
  const size_t count = company.rows.size();
  std::vector<double> costs(count + 1, 0);  // of all rows from one on
  std::vector<size_t> ends(count);          // of the batch that begins with it
  for (size_t begin = count; begin-- > 0;) {
    const int64_t length = std::max<int64_t>(rows[company.rows[begin]].tokens, 1);
    costs[begin] = std::numeric_limits<double>::max();
    for (size_t end = begin + 1; end <= count; ++end) {
      const int64_t tokens = length * static_cast<int64_t>(end - begin);
      if (end > begin + 1 && tokens > budget) break;
      const double cost = static_cast<double>(tokens) + overhead + costs[end];
      if (cost > costs[begin]) continue;  // of equals the larger batch
      costs[begin] = cost;
      ends[begin] = end;
    }
  }
  Window window{0, ends[0]};
  while (window.end <= company.head) window = {window.end, ends[window.end]};
  return window;
}

bool before(const WaitingRow& a, const WaitingRow& b) {
  return a.priority != b.priority ? a.priority > b.priority : a.arrival < b.arrival;
}

}  // namespace

int64_t least_tokens(const CutLimits& limits) {
  const auto least = static_cast<int64_t>(std::llround(kLeastOverheads * limits.overhead_tokens));
  return std::clamp<int64_t>(least, 1, std::max<int64_t>(limits.max_tokens, 1));
}

CutLimits under_load(const CutLimits& limits, double foreign_share) {
  const double left = 1 - std::clamp(foreign_share, 0.0, 1.0);
  const auto shrunk = [&](int64_t most, int64_t least) {
    const auto share = static_cast<int64_t>(std::llround(static_cast<double>(most) * left));
    return std::max(std::min(most, least), share);
  };
  CutLimits smaller = limits;
  smaller.max_tokens = shrunk(limits.max_tokens, least_tokens(limits));
  smaller.max_rows = shrunk(limits.max_rows, 1);
  return smaller;
}

BatchCut cut_batch(std::span<const WaitingRow> rows, TimePoint now, const CutLimits& limits) {
  BatchCut cut;
  std::vector<uint32_t> order;
  int64_t waiting_tokens = 0;
  for (uint32_t i = 0; i < rows.size(); ++i) {
    if (rows[i].cancelled) {
      cut.cancelled.push_back(i);
    } else if (rows[i].deadline < now) {
      cut.late.push_back(i);
    } else {
      order.push_back(i);
      waiting_tokens += std::max<int64_t>(rows[i].tokens, 1);
    }
  }
  if (order.empty()) return cut;
  const auto in_order = [&](uint32_t a, uint32_t b) { return before(rows[a], rows[b]); };
  const size_t looked_at = std::min(order.size(), kRowsLookedAt);
  std::ranges::partial_sort(order, order.begin() + static_cast<ptrdiff_t>(looked_at), in_order);
  const WaitingRow& head = rows[order.front()];
  const int64_t reach = head.tokens > 0 ? reach_of(waiting_tokens, limits) : waiting_tokens;
  Company company{.rows = joiners(std::span(order).first(looked_at), rows, reach)};
  cut.length = head.tokens;
  if (head.tokens == 0) {
    const auto share = (static_cast<int64_t>(company.rows.size()) + limits.workers - 1) /
                       std::max(limits.workers, 1);
    const int64_t most = std::clamp<int64_t>(share, 1, std::max<int64_t>(limits.max_rows, 1));
    company.rows.resize(std::min(company.rows.size(), static_cast<size_t>(most)));
    cut.batch = std::move(company.rows);
    return cut;
  }
  std::ranges::stable_sort(company.rows, std::greater<>(),
                           [&](uint32_t i) { return rows[i].tokens; });
  company.head =
      static_cast<size_t>(std::ranges::find(company.rows, order.front()) - company.rows.begin());
  const Window window =
      cheapest_window(company, rows, budget_of(waiting_tokens, limits), limits.overhead_tokens);
  cut.length = rows[company.rows[window.begin]].tokens;
  cut.batch.assign(company.rows.begin() + static_cast<ptrdiff_t>(window.begin),
                   company.rows.begin() + static_cast<ptrdiff_t>(window.end));
  std::ranges::sort(cut.batch, in_order);
  return cut;
}

}  // namespace accel::runtime
