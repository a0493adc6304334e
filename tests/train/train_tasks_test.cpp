#include "lathe/train/continual/train_tasks.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/data/task_sequence.h"
#include "lathe/nn/task_heads.h"
#include "lathe/train/continual/continual_method.h"
#include "lathe/train/continual/sequence_state.h"
#include "lathe/train/threads.h"
#include "tests/support/message.h"
#include "tests/train/scene.h"

namespace lathe::train::continual {
namespace {

using core::Config;
using core::Seed;
using testing_support::message_of;

const std::vector<std::string> kMethods = {"gpm", "finetune", "ewc", "agem", "replay", "joint"};

TEST(TransferMeasures, AreThoseOfAHandMatrix) {
  const double nan = std::nan("");
  const torch::Tensor a =
      torch::tensor({0.80, 0.20, nan, 0.70, 0.90, 0.30, 0.60, 0.85, 0.95}, torch::kFloat64).view({3, 3});
  const TransferMeasures m = transfer_measures(a, torch::tensor({0.1, 0.1, 0.25}, torch::kFloat64));
  EXPECT_NEAR(m.acc, 0.80, 1e-12);
  EXPECT_NEAR(m.bwt, -0.125, 1e-12);
  EXPECT_NEAR(m.fwt, (0.10 + 0.05) / 2, 1e-12);
  const TransferMeasures one =
      transfer_measures(torch::full({1, 1}, 0.5, torch::kFloat64), torch::full({1}, 0.1, torch::kFloat64));
  EXPECT_EQ(one.bwt, 0);
  EXPECT_EQ(one.fwt, 0);
}

// Stripes, the same turned by a quarter with shuffled pixels, and shuffled again.
struct Sequence {
  explicit Sequence(const std::string& method, int64_t num_tasks = 3) {
    core::Progress::set_quiet(true);
    training.continual.method = method;
    training.continual.gpm.threshold = {0.95};
    training.continual.gpm.threshold_step = 0;
    training.continual.gpm.samples = 60;
    training.continual.fisher_samples = 60;
    training.continual.ewc_lambda = 10;
    training.continual.memory = 120;
    training.train = {
        .epochs = 4, .batch_size = 16, .label_smoothing = 0.2, .schedule = {.kind = "constant"}};
    training.optim = {.lr = 0.02, .momentum = 0.9, .nesterov = false, .weight_decay = 0};
    training.seed = Seed(4);
    training.interference_inputs = 20;
    for (int64_t t = 0; t < num_tasks; ++t)
      tasks.push_back({"task " + std::to_string(t), data::permuted_task(stripes(160, 1), t, Seed(8)),
                       data::permuted_task(stripes(30, 2), t, Seed(8)),
                       data::permuted_task(stripes(60, 3), t, Seed(8))});
    auto built = nn::build(Config::parse("kind = 'mlp'\nhidden = [64]\ndropout = 0.1"), tasks[0].train.schema,
                           Seed(7));
    built->fit_inputs(tasks[0].train.inputs);
    model = built;
  }
  void use_heads(const std::string& network) {
    auto built = nn::build(Config::parse(network), tasks[0].train.schema, Seed(7));
    built->fit_inputs(tasks[0].train.inputs);
    model = std::make_shared<nn::TaskHeads>(built, std::vector<int64_t>(tasks.size(), 3), Seed(9));
  }
  ContinualResult run(const std::filesystem::path& directory = {}, const core::StopToken& stop = {},
                      const ContinualHooks& hooks = {}) {
    return train_tasks(model, tasks, training, directory, stop, hooks);
  }
  std::vector<torch::Tensor> weights() const {
    std::vector<torch::Tensor> copies;
    for (const auto& tensor : trained_tensors(*model)) copies.push_back(tensor.clone());
    return copies;
  }
  ContinualTraining training;
  std::vector<Task> tasks;
  std::shared_ptr<nn::Model> model;
};

TEST(TrainTasks, OneTaskIsOrdinaryTraining) {
  for (const std::string& method : kMethods) {
    Sequence one(method, 1), plain(method, 1);
    const ContinualResult result = one.run();
    Trainer trainer(plain.model, optim::make_step(plain.model->parameters(), plain.training.optim),
                    plain.training.train, plain.training.seed.stream("task").stream(uint64_t{0}));
    trainer.fit(plain.tasks[0].train, plain.tasks[0].holdout);
    const auto a = one.weights(), b = plain.weights();
    for (size_t i = 0; i < a.size(); ++i)
      EXPECT_TRUE(torch::allclose(a[i], b[i], 1e-4, 1e-6)) << method;  // other sums in the loss
    EXPECT_GT(result.measures.acc, 0.9);
    EXPECT_EQ(result.measures.bwt, 0);
  }
}

TEST(TrainTasks, MethodsForgetLessThanFinetuning) {
  std::map<std::string, ContinualResult> results;
  for (const std::string& method : kMethods) {
    Sequence sequence(method);
    results[method] = sequence.run();
  }
  const ContinualResult& finetune = results.at("finetune");
  EXPECT_LT(finetune.measures.bwt, -0.1);
  for (const char* method : {"gpm", "ewc", "agem", "replay", "joint"})
    EXPECT_GT(results.at(method).measures.acc,
              finetune.measures.acc + (method == std::string("agem") ? 0.01 : 0.1))
        << method;
  EXPECT_GT(results.at("gpm").measures.bwt, -0.05);
  for (size_t t = 0; t < 2; ++t)
    EXPECT_LT(results.at("gpm").interference[t].mean(), 0.5 * finetune.interference[t].mean()) << t;
  EXPECT_EQ(finetune.interference.size(), 2u);
  EXPECT_EQ(finetune.interference[1].layers, (std::vector<std::string>{"body.linear0", "body.linear1"}));
  EXPECT_EQ(finetune.interference[1].values[0].size(), 20u);
  EXPECT_TRUE(results.at("joint").interference.empty());
  EXPECT_TRUE(std::isnan(results.at("joint").measures.bwt));
  EXPECT_EQ(finetune.memory_bytes, 0);
  EXPECT_EQ(results.at("replay").memory_bytes, 120 * (64 + 8 + 8));
  int64_t bytes = 0;
  for (const auto& [name, layer] : results.at("gpm").memory.back()) bytes += layer.bytes;
  EXPECT_EQ(results.at("gpm").memory_bytes, bytes);
}

// A head is its task's alone: nothing but its own task's training moves it.
TEST(TrainTasks, HeadsBelongToTheirTasks) {
  Sequence sequence("gpm");
  sequence.use_heads("kind = 'mlp'\nhidden = [48]");
  sequence.training.optim.weight_decay = 0.01;  // would shrink what is not protected
  auto& heads = dynamic_cast<nn::TaskHeads&>(*sequence.model);
  std::map<int64_t, torch::Tensor> trained;
  ContinualHooks hooks;
  hooks.after_task = [&](int64_t task, const ContinualResult& so_far) {
    trained[task] = heads.head(task).weight.detach().clone();
    EXPECT_EQ(so_far.seconds.size(), static_cast<size_t>(task) + 1);
    EXPECT_EQ(so_far.memory.back().count("network.body.linear1"), 0u);  // task 0's head
    EXPECT_EQ(so_far.memory.back().count("network.body.linear0"), 1u);
  };
  const ContinualResult result = sequence.run({}, {}, hooks);
  for (int64_t task = 0; task < 3; ++task)
    EXPECT_TRUE(torch::equal(trained.at(task), heads.head(task).weight)) << task;
  EXPECT_GT(result.measures.bwt, -0.1);
  EXPECT_GT(result.measures.acc, 0.85);
}

TEST(TrainTasks, EveryMethodTakesHeads) {
  for (const std::string& method : kMethods) {
    Sequence sequence(method);
    sequence.use_heads("kind = 'mlp'\nhidden = [64]");
    EXPECT_GT(sequence.run().measures.acc, 0.6) << method;
  }
}

// Batch norm: each task with the statistics of its own training; or with those of the batch.
TEST(TrainTasks, StatisticsOfEachTask) {
  for (const char* statistics : {"per_task", "batch"}) {
    Sequence sequence("gpm", 2);
    sequence.use_heads("kind = 'cnn'\nchannels = [8, 8]");
    sequence.training.continual.norm_statistics = statistics;
    // The second task's images are much brighter.
    for (data::Dataset* part :
         {&sequence.tasks[1].train, &sequence.tasks[1].holdout, &sequence.tasks[1].test})
      part->inputs = part->inputs / 4 + 180;
    const ContinualResult result = sequence.run();
    EXPECT_GT(result.accuracy[1][1].item<double>(), 0.7) << statistics;
    EXPECT_GT(result.measures.bwt, -0.15) << statistics;
    const auto heads = std::dynamic_pointer_cast<nn::TaskHeads>(sequence.model);
    heads->select(0);  // with the last task's statistics
    const torch::Tensor wrong = nn::predict(*heads, sequence.tasks[0].test.inputs).argmax(1);
    EXPECT_LT(wrong.eq(sequence.tasks[0].test.targets).to(torch::kFloat64).mean().item<double>(),
              result.accuracy[1][0].item<double>() - 0.1)
        << statistics;
  }
}

// Two tasks in one have the moments of their examples together.
TEST(TaskStatistics, OfAllTasksArePooled) {
  struct Normed : nn::Model {
    Normed() : norm(register_module("norm", torch::nn::BatchNorm1d(2))) {}
    torch::Tensor forward(torch::Tensor x) override { return norm->forward(x); }
    torch::nn::BatchNorm1d norm;
  };
  Normed model;
  TaskStatistics statistics(model);
  std::vector<torch::Tensor> examples;
  for (int64_t t = 0; t < 2; ++t) {
    examples.push_back(torch::randn({40, 2}, nn::generator(Seed(static_cast<uint64_t>(t)))) * (t + 1) +
                       3 * t);
    model.norm->running_mean.copy_(examples.back().mean(0));
    model.norm->running_var.copy_(examples.back().var(0, /*unbiased=*/false));
    statistics.keep(t);
  }
  statistics.use_all();
  const torch::Tensor all = torch::cat(examples);
  EXPECT_TRUE(torch::allclose(model.norm->running_mean, all.mean(0), 1e-5, 1e-6));
  EXPECT_TRUE(torch::allclose(model.norm->running_var, all.var(0, /*unbiased=*/false), 1e-5, 1e-6));
}

TEST(TrainTasks, StoppedAnywhereItEndsWithTheSameBits) {
  for (const std::string& method : kMethods) {
    for (const bool with_heads : {false, true}) {
      Sequence whole(method), first(method), second(method), third(method);
      for (Sequence* sequence : {&whole, &first, &second, &third})
        if (with_heads) sequence->use_heads("kind = 'cnn'\nchannels = [4]\ndropout = 0.1");
      const ContinualResult expected = whole.run();
      const core::TemporaryDirectory directory;
      const auto stop_at = [&](Sequence& sequence, int64_t step) {
        const core::StopToken stop;
        ContinualHooks hooks;
        int64_t steps = 0;
        hooks.trainer.after_step = [&](int64_t, const optim::StepReport&) {
          if (++steps == step) stop.request();
        };
        EXPECT_THROW(sequence.run(directory.path(), stop, hooks), Interrupted);
      };
      stop_at(first, 55);   // in the second task, of 40 steps
      stop_at(second, 25);  // at its end: 55 + 25 = 80
      const ContinualResult resumed = third.run(directory.path());
      EXPECT_TRUE(torch::allclose(resumed.accuracy, expected.accuracy, 0, 0, /*equal_nan=*/true)) << method;
      EXPECT_EQ(resumed.memory_bytes, expected.memory_bytes);
      EXPECT_EQ(sequence_threads(directory.path()), compute_threads());
      ASSERT_EQ(resumed.trainings.size(), expected.trainings.size());
      for (size_t t = 0; t < expected.trainings.size(); ++t) {
        EXPECT_EQ(resumed.trainings[t].steps, expected.trainings[t].steps);
        ASSERT_EQ(resumed.trainings[t].curve.size(), expected.trainings[t].curve.size());
        EXPECT_EQ(resumed.trainings[t].curve.back().loss, expected.trainings[t].curve.back().loss);
        EXPECT_EQ(resumed.trainings[t].epochs.size(), expected.trainings[t].epochs.size());
      }
      ASSERT_EQ(resumed.interference.size(), expected.interference.size());
      for (size_t t = 0; t < expected.interference.size(); ++t)
        EXPECT_EQ(resumed.interference[t].values, expected.interference[t].values) << method;
      expect_same_bits(whole.weights(), third.weights());
      // Finished: nothing is left to do.
      Sequence again(method);
      if (with_heads) again.use_heads("kind = 'cnn'\nchannels = [4]\ndropout = 0.1");
      const ContinualResult same = again.run(directory.path());
      EXPECT_EQ(same.measures.acc, expected.measures.acc);
      expect_same_bits(whole.weights(), again.weights());
      const std::filesystem::directory_iterator files(directory.path());
      EXPECT_EQ(std::distance(begin(files), end(files)), 1);  // no checkpoint of a task
    }
  }
}

TEST(TrainTasks, AnInterruptInTheMemorysUpdateLosesNothing) {
  Sequence whole("gpm", 2), stopped("gpm", 2), resumed("gpm", 2);
  whole.run();
  const core::TemporaryDirectory directory;
  const core::StopToken stop;
  ContinualHooks hooks;
  hooks.task_trained = [&](int64_t task) {
    if (task == 1) stop.request();
  };
  const std::string message = message_of<Interrupted>([&] { stopped.run(directory.path(), stop, hooks); });
  EXPECT_NE(message.find("taking up task 2 into memory"), std::string::npos);
  resumed.run(directory.path());
  expect_same_bits(whole.weights(), resumed.weights());
}

TEST(TrainTasks, RefusesWhatDoesNotFit) {
  const auto message = [](const std::function<void(Sequence&)>& change) {
    Sequence sequence("gpm");
    change(sequence);
    return message_of<InputError>([&] { sequence.run(); });
  };
  EXPECT_EQ(message([](Sequence& s) { s.tasks[1].train = {}; }), "task \"task 1\" has no training examples");
  EXPECT_EQ(message([](Sequence& s) { s.tasks[2].test = {}; }), "task \"task 2\" has no test examples");
  EXPECT_EQ(message([](Sequence& s) { s.tasks[1].train.schema.classes.pop_back(); }),
            "task \"task 1\" has 2 classes, its head 3");
  EXPECT_EQ(message([](Sequence& s) {
              s.use_heads("kind = 'mlp'");
              s.tasks.push_back(s.tasks[0]);
            }),
            "task \"task 0\" has no head: the model has 3 heads for 4 tasks");
  EXPECT_NE(message([](Sequence& s) {
              s.training.continual.method = "sgd";
            }).find("unknown method of train.continual"),
            std::string::npos);

  const core::TemporaryDirectory directory;
  Sequence("finetune", 1).run(directory.path());
  EXPECT_NE(message_of<InputError>([&] {
              Sequence("finetune", 2).run(directory.path());
            }).find("was written with other settings or tasks"),
            std::string::npos);
  std::string bytes = core::read_file(directory.path() / "continual.state");
  bytes[bytes.size() / 2] ^= 1;
  core::write_file(directory.path() / "continual.state", bytes);
  EXPECT_NE(message_of<InputError>([&] {
              Sequence("finetune", 1).run(directory.path());
            }).find("remove it to start over"),
            std::string::npos);
}

TEST(SequenceState, OfAnotherSequenceIsRefused) {
  const core::TemporaryDirectory directory;
  const auto file = directory.path() / "continual.state";
  const Sequence sequence("finetune", 2);
  const auto method = make_method(*sequence.model, sequence.training.continual, sequence.training.optim, 0.2,
                                  sequence.training.seed);
  const auto message = [&](int64_t next_task, int64_t tasks_measured, size_t probes = 0) {
    SequenceState state{.next_task = next_task, .result = {}, .statistics = TaskStatistics(*sequence.model)};
    state.result.accuracy = torch::zeros({tasks_measured, tasks_measured}, torch::kFloat64);
    state.result.untrained = torch::zeros({tasks_measured}, torch::kFloat64);
    state.probes.resize(probes);
    save_state(file, state, *sequence.model, *method, "");
    return message_of<InputError>([&] { load_state(file, state, *sequence.model, *method, 2, ""); });
  };
  EXPECT_NE(message(-1, 2).find("the next task is -1, of 2"), std::string::npos);
  EXPECT_NE(message(3, 2).find("the next task is 3, of 2"), std::string::npos);
  EXPECT_NE(message(1, 2, 2).find("inputs of 2 earlier tasks are kept, of 2 tasks"), std::string::npos);
  EXPECT_NE(message(1, 3).find("accuracy is not the table"), std::string::npos);
}

TEST(CapacityForecast, IsSetByTheLayerThatFillsFastest) {
  const std::vector<std::map<std::string, LayerMemory>> memory = {
      {{"a", {.inputs = 100, .vectors = 40}}, {"b", {.inputs = 10, .vectors = 3}}},
      {{"a", {.inputs = 100, .vectors = 60}}, {"b", {.inputs = 10, .vectors = 4}}}};
  EXPECT_EQ(capacity_forecast(memory), 2);
  EXPECT_TRUE(std::isinf(capacity_forecast({})));
}

TEST(ContinualOptions, ReadsItsTable) {
  const ContinualOptions gpm = continual_options(Config::parse("threshold = [0.95, 0.99]\nbias = 'freeze'"));
  EXPECT_EQ(gpm.method, "gpm");
  EXPECT_EQ(gpm.gpm.threshold, (std::vector<double>{0.95, 0.99}));
  EXPECT_EQ(gpm.gpm.bias, "freeze");
  EXPECT_EQ(continual_options(Config::parse("method = 'ewc'\nlambda = 7")).ewc_lambda, 7);
  EXPECT_EQ(continual_options(Config::parse("method = 'replay'\nmemory = 5")).memory, 5);
  EXPECT_THROW(continual_options(Config::parse("threshold = [0]")), InputError);
  EXPECT_THROW(continual_options(Config::parse("method = 'gmp'")), InputError);
  const Config unread = Config::parse("method = 'finetune'\nthreshold = [0.9]");
  continual_options(unread);
  EXPECT_THROW(unread.reject_unknown(), InputError);
}

}  // namespace
}  // namespace lathe::train::continual
