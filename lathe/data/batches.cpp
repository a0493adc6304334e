#include "lathe/data/batches.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

#include "lathe/core/error.h"
#include "lathe/data/gather.h"
#include "lathe/data/text_encoding.h"

namespace lathe::data {

// make() is called by one thread alone: the worker if there is one, else the caller.
struct Batches::State {
  struct Made {
    Batch batch;
    std::exception_ptr error;
  };

  State(Dataset dataset, BatchOptions options, core::Seed seed);
  ~State();
  Batch make(int64_t step);
  void work();
  int64_t num_fields() const { return static_cast<int64_t>(dataset.schema.fields.size()); }
  bool wanted(int64_t step) const { return step >= front && step < front + options.prefetch; }
  std::optional<int64_t> next_step() const;
  Batch batch_of(torch::Tensor indices, int64_t step) const;
  void sort_windows(std::vector<int64_t>& indices, core::Random random) const;

  const Dataset dataset;
  const BatchOptions options;
  const core::Seed seed;
  std::optional<TaskSampler> sampler;
  std::vector<int64_t> lengths;  // texts: of each example, without padding
  int64_t per_epoch = 0;
  int64_t epoch = -1;  // whose permutation `order` is
  torch::Tensor order;

  std::mutex mutex;
  std::condition_variable changed;
  std::map<int64_t, Made> made;
  int64_t front = 0;  // batches front … front + prefetch - 1 are to be made
  bool stopping = false;
  std::thread worker;
};

Batches::State::State(Dataset data, BatchOptions batch_options, core::Seed batch_seed)
    : dataset(std::move(data)), options(batch_options), seed(batch_seed) {
  if (options.size < 1) throw InputError("the batch size must be positive, got {}", options.size);
  if (options.prefetch < 0) throw InputError("prefetch must be at least 0, got {}", options.prefetch);
  per_epoch = (dataset.size() + (options.drop_last ? 0 : options.size - 1)) / options.size;
  if (per_epoch == 0)
    throw InputError("no batch fits: the batch size is {}, there are {} examples", options.size,
                     dataset.size());
  if (dataset.schema.text()) {
    if (!dataset.inputs.defined()) throw Error("texts must be encoded before they are cut into batches");
    lengths = text_lengths(dataset.inputs, num_fields());
    if (options.length_window < 1)
      throw InputError("the window of lengths must be positive, got {}", options.length_window);
  }
  if (options.blocks) {
    const TaskBlocks& blocks = *options.blocks;
    if (blocks.size < 1 || options.size % blocks.size != 0)
      throw InputError("a batch of {} cannot be cut into blocks of {} examples of one task", options.size,
                       blocks.size);
    if (blocks.tasks.of_example.numel() != dataset.size())
      throw InputError("{} examples are said to belong to tasks, there are {}",
                       blocks.tasks.of_example.numel(), dataset.size());
    sampler.emplace(blocks.tasks, blocks.temperature);
  }
  if (options.augment.any())
    gather_augmented(dataset.inputs, torch::empty({0}, torch::kInt64), options.augment, seed);
  if (options.prefetch > 0) worker = std::thread([this] { work(); });
}

Batches::State::~State() {
  {
    std::lock_guard lock(mutex);
    stopping = true;
  }
  changed.notify_all();
  if (worker.joinable()) worker.join();
}

Batch Batches::State::batch_of(torch::Tensor indices, int64_t step) const {
  Batch batch;
  batch.indices = std::move(indices);
  batch.targets = gather_rows(dataset.targets, batch.indices);
  batch.inputs = options.augment.any()
                     ? gather_augmented(dataset.inputs, batch.indices, options.augment,
                                        seed.stream("augment").stream(static_cast<uint64_t>(step)))
                     : gather_rows(dataset.inputs, batch.indices);
  if (dataset.schema.text()) batch.inputs = trim_padding(batch.inputs, num_fields());
  return batch;
}

// Whole batches of texts of about one length. What is left over at the epoch's end stays there, so that the
// examples that are dropped are any, not the longest.
void Batches::State::sort_windows(std::vector<int64_t>& indices, core::Random random) const {
  const int64_t whole = dataset.size() / options.size, window = options.length_window;
  const auto at = [&](int64_t batch) { return indices.begin() + batch * options.size; };
  std::vector<int64_t> sorted;
  for (int64_t first = 0; first < whole; first += window) {
    const int64_t count = std::min(window, whole - first);
    std::stable_sort(at(first), at(first + count), [&](int64_t a, int64_t b) {
      return lengths[static_cast<size_t>(a)] < lengths[static_cast<size_t>(b)];
    });
    for (const int64_t batch : random.permutation(count))
      sorted.insert(sorted.end(), at(first + batch), at(first + batch + 1));
  }
  std::copy(sorted.begin(), sorted.end(), indices.begin());
}

Batch Batches::State::make(int64_t step) {
  if (sampler) {
    core::Random random = seed.stream("tasks").stream(static_cast<uint64_t>(step)).random();
    TaskSampler::Draw draw = sampler->draw(options.size / options.blocks->size, options.blocks->size, random);
    Batch batch = batch_of(torch::tensor(draw.rows, torch::kInt64), step);
    batch.tasks = std::move(draw.tasks);
    return batch;
  }
  if (int64_t wanted_epoch = step / per_epoch; epoch != wanted_epoch) {
    std::vector<int64_t> indices;
    if (options.shuffle) {
      indices = seed.stream("shuffle")
                    .stream(static_cast<uint64_t>(wanted_epoch))
                    .random()
                    .permutation(dataset.size());
      if (dataset.schema.text() && options.length_window > 1)
        sort_windows(indices, seed.stream("windows").stream(static_cast<uint64_t>(wanted_epoch)).random());
    } else {
      for (int64_t i = 0; i < dataset.size(); ++i) indices.push_back(i);
    }
    order = torch::empty({dataset.size()}, torch::kInt64);
    std::copy(indices.begin(), indices.end(), order.data_ptr<int64_t>());
    epoch = wanted_epoch;
  }
  int64_t begin = step % per_epoch * options.size;
  return batch_of(order.slice(0, begin, std::min(begin + options.size, dataset.size())).clone(), step);
}

std::optional<int64_t> Batches::State::next_step() const {
  for (int64_t step = front; wanted(step); ++step)
    if (!made.count(step)) return step;
  return std::nullopt;
}

void Batches::State::work() {
  std::unique_lock lock(mutex);
  while (true) {
    changed.wait(lock, [&] { return stopping || next_step(); });
    if (stopping) return;
    int64_t step = *next_step();
    lock.unlock();
    Made result;
    try {
      result.batch = make(step);
    } catch (...) {
      result.error = std::current_exception();
    }
    lock.lock();
    if (wanted(step)) made[step] = std::move(result);
    changed.notify_all();
  }
}

Batches::Batches(Dataset dataset, BatchOptions options, core::Seed seed)
    : state_(std::make_unique<State>(std::move(dataset), options, seed)) {}

Batches::~Batches() = default;

int64_t Batches::per_epoch() const {
  return state_->per_epoch;
}

Batch Batches::at(int64_t step) {
  if (step < 0) throw Error("batch {} does not exist; the first one is 0", step);
  State& state = *state_;
  if (state.options.prefetch == 0) return state.make(step);

  std::unique_lock lock(state.mutex);
  auto go_to = [&](int64_t front) {
    state.front = front;
    for (auto it = state.made.begin(); it != state.made.end();)
      it = state.wanted(it->first) ? std::next(it) : state.made.erase(it);
    state.changed.notify_all();
  };
  go_to(step);
  state.changed.wait(lock, [&] { return state.made.count(step) > 0; });
  State::Made result = std::move(state.made.at(step));
  go_to(step + 1);
  lock.unlock();
  if (result.error) std::rethrow_exception(result.error);
  return std::move(result.batch);
}

}  // namespace lathe::data
