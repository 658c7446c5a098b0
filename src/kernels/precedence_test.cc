#include "kernels/precedence.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "kernels/stages.h"

namespace accel::kernels {
namespace {

void wait_until(const std::atomic<bool>& flag) {
  while (!flag) std::this_thread::yield();
}

// A run that nobody waits for: between its tasks it gives way until it is told to end.
class PatientRun {
 public:
  explicit PatientRun(Precedence& precedence)
      : thread_([this, &precedence] {
          while (!end_) {
            precedence.give_way();
            ++rounds_;
          }
        }) {}
  ~PatientRun() {
    end_ = true;
    thread_.join();
  }
  int rounds() const { return rounds_; }

 private:
  std::atomic<bool> end_ = false;
  std::atomic<int> rounds_ = 0;
  std::thread thread_;
};

TEST(Precedence, AThreadThatGivesWayWorksForTheUrgentRun) {
  Precedence precedence;
  PatientRun patient(precedence);
  std::atomic<bool> helped = false;
  std::thread::id helper;
  precedence.run_urgent([&] { wait_until(helped); }, 1, 2,
                        [&](int task) {
                          EXPECT_EQ(task, 1);
                          helper = std::this_thread::get_id();
                          helped = true;
                        });
  EXPECT_NE(helper, std::this_thread::get_id());
}

TEST(Precedence, OneThatIsNotNeededWaits) {
  Precedence precedence;
  PatientRun patient(precedence);
  const auto never = [](int) { ADD_FAILURE() << "nobody was asked for"; };
  precedence.run_urgent(
      [&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));  // until it has noticed
        const int before = patient.rounds();
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        EXPECT_LE(patient.rounds(), before + 1);
      },
      1, 1, never);
  const int before = patient.rounds();
  while (patient.rounds() == before) std::this_thread::yield();  // it goes on
}

TEST(Precedence, GivesWayToNoneThatBeginsLater) {
  Precedence precedence;
  std::atomic<bool> first_began = false;
  std::atomic<bool> second_began = false;
  std::atomic<bool> patient_left = false;
  std::atomic<int> came = 0;
  const auto second = [&] {
    wait_until(first_began);
    while (came == 0) std::this_thread::yield();  // the patient one works for the first already
    precedence.run_urgent(
        [&] {
          second_began = true;
          wait_until(patient_left);
        },
        1, 1, [](int) {});
  };
  std::thread first([&] {
    precedence.run_urgent(
        [&] {
          first_began = true;
          wait_until(second_began);
        },
        1, 2, [&](int) { ++came; });
  });
  std::thread other(second);
  wait_until(first_began);
  precedence.give_way();
  patient_left = true;  // while the second is still under way
  first.join();
  other.join();
  EXPECT_EQ(came, 1);
}

TEST(Precedence, ComesToAnEndThoughNobodyHelps) {
  Precedence precedence;
  bool ran = false;
  precedence.run_urgent([&] { ran = true; }, 1, 8, [](int) { FAIL(); });
  EXPECT_TRUE(ran);
  precedence.give_way();
}

// Urgent runs and others at the same time; each of them does every task once, stage after stage.
TEST(Precedence, StagesOfAllRunsStayInOrder) {
  Precedence precedence;
  const auto many_runs = [&](bool urgent) {
    for (int round = 0; round < 200; ++round) {
      std::atomic<int> first = 0;
      std::atomic<int> second = 0;
      const std::vector<Stage> stages{{3, [&](int) { ++first; }}, {4, [&](int) {
                                                                     EXPECT_EQ(first, 3);
                                                                     ++second;
                                                                   }}};
      run_stages(stages, {.count = urgent ? 3 : 1,
                          .precedence = &precedence,
                          .urgent = urgent,
                          .lent = urgent ? 2 : 0});
      EXPECT_EQ(second, 4);
    }
  };
  std::vector<std::thread> threads;
  for (const bool urgent : {true, true, false, false}) threads.emplace_back(many_runs, urgent);
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace accel::kernels
