#pragma once
#include "lathe/train/continual/task_statistics.h"
#include "lathe/train/continual/train_tasks.h"

namespace lathe::train::continual {

// What is known between two tasks, and its file.
struct SequenceState {
  int64_t next_task = 0;
  ContinualResult result;
  TaskStatistics statistics;
  std::vector<InterferenceProbe> probes = {};  // of each task so far but the last; none: not measured
};

// Written atomically.
void save_state(const std::filesystem::path& file, const SequenceState& state, const nn::Model& model,
                const ContinualMethod& method, const std::string& settings);
// False where there is no file. Throws InputError for a damaged one and for one of other settings or
// another number of tasks.
bool load_state(const std::filesystem::path& file, SequenceState& state, nn::Model& model,
                ContinualMethod& method, int64_t num_tasks, const std::string& settings);

// The compute threads of the process that wrote it; none where there is no readable file.
std::optional<int> state_threads(const std::filesystem::path& file);

}  // namespace lathe::train::continual
