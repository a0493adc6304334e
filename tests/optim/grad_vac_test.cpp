#include "lathe/optim/grad_vac.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "lathe/core/error.h"
#include "tests/optim/gradient_list.h"
#include "tests/support/message.h"

namespace lathe::optim {
namespace {

using testing_support::message_of;

// A trunk of two layers and a head for each of two tasks.
class TwoHeads : public torch::nn::Module {
 public:
  TwoHeads() {
    for (const char* name : {"first", "second"}) {
      const auto layer = register_module(name, torch::nn::Linear(2, 2));
      layer->to(torch::kFloat64);
    }
    for (const char* name : {"head_a", "head_b"})
      register_module(name, torch::nn::Linear(2, 1))->to(torch::kFloat64);
  }
};

// Micro-batches of named tasks with given gradients; a head's is there for its own task only.
class Tasks : public GradientSource {
 public:
  Tasks(const torch::nn::Module& module, std::vector<std::string> tasks, int64_t first = 0,
        int64_t elsewhere = 0)
      : module_(module), tasks_(std::move(tasks)), first_(first), elsewhere_(elsewhere) {}
  int64_t step() const override { return at_step; }
  int processes() const override { return elsewhere_ > 0 ? 2 : 1; }
  int64_t local_replicas() const override { return static_cast<int64_t>(tasks_.size()); }
  int64_t replicas() const override { return local_replicas() + elsewhere_; }
  void all_reduce_sum(at::TensorList tensors) override {
    sent = 0;
    for (const auto& tensor : tensors) sent += tensor.numel();
    if (other)
      for (size_t i = 0; i < tensors.size(); ++i) tensors[i].add_((*other)[i]);
    else
      for (const auto& tensor : tensors) kept.push_back(tensor.clone());
  }
  static torch::Tensor gradient(const torch::Tensor& like, uint64_t number, const std::string& task) {
    at::Generator generator = at::detail::createCPUGenerator(number * 31 + (task == "a" ? 1 : 2));
    return torch::randn(like.sizes(), generator, like.options().requires_grad(false)) +
           (task == "a" ? 0.4 : -0.4);
  }
  Evaluation evaluate(int64_t i, Pass) override {
    const std::string& task = tasks_[static_cast<size_t>(i)];
    uint64_t number = static_cast<uint64_t>(100 * at_step + first_ + i);
    for (const auto& item : module_.named_parameters()) {
      torch::Tensor parameter = item.value();
      if (item.key().rfind("head_", 0) == 0 && item.key()[5] != task[0])
        parameter.mutable_grad().reset();
      else
        parameter.mutable_grad() = gradient(parameter, number, task);
    }
    return {.loss = 1, .samples = 4, .task = task};
  }
  int64_t at_step = 0, sent = 0;
  std::vector<torch::Tensor> kept;
  const std::vector<torch::Tensor>* other = nullptr;

 private:
  const torch::nn::Module& module_;
  std::vector<std::string> tasks_;
  int64_t first_, elsewhere_;
};

const GradVacOptions kHeads = {.heads = {"head_*"}};

std::unique_ptr<ComposedStep> step_of(const torch::nn::Module& module, const std::shared_ptr<GradVac>& rule) {
  return std::make_unique<ComposedStep>(
      make_optimizer(module.parameters(), {.lr = 0.1, .momentum = 0, .nesterov = false, .weight_decay = 0}),
      StepSlots{.combine = rule});
}

std::vector<torch::Tensor> gradients(const torch::nn::Module& module) {
  std::vector<torch::Tensor> copies;
  for (const auto& parameter : module.parameters()) copies.push_back(parameter.grad().clone());
  return copies;
}

TEST(GradVac, ComponentsCoverEverySharedParameterOnce) {
  const TwoHeads module;
  for (const auto& [kind, count] :
       {std::pair{ComponentKind::whole_model, 1}, std::pair{ComponentKind::layer, 2},
        std::pair{ComponentKind::tensor, 4}}) {
    GradVacOptions options = kHeads;
    options.components = kind;
    const GradVac rule(module, {"a", "b"}, options);
    ASSERT_EQ(rule.components().size(), static_cast<size_t>(count));
    EXPECT_EQ(rule.components().front().begin, 0);
    EXPECT_EQ(rule.components().back().end, 12);
  }
}

// Bits of steps on two tasks with a similarity that moves.
std::vector<torch::Tensor> after_steps(const TwoHeads& module, GradVacOptions options) {
  options.beta = 0.5;
  const auto rule = std::make_shared<GradVac>(module, std::vector<std::string>{"a", "b"}, options);
  const auto step = step_of(module, rule);
  Tasks source(module, {"a", "b"});
  for (; source.at_step < 4; ++source.at_step) step->step(source);
  std::vector<torch::Tensor> bits = gradients(module);
  bits.push_back(rule->averages().clone());
  return bits;
}

TEST(GradVac, GroupsThatAreTheLayersGiveTheSameBits) {
  const TwoHeads module;
  GradVacOptions named = kHeads;
  named.groups = {{"z", {"first.*"}}, {"a", {"second.weight", "second.bias"}}};  // in the module's order
  const auto layers = after_steps(module, kHeads), groups = after_steps(module, named);
  for (size_t i = 0; i < layers.size(); ++i) EXPECT_TRUE(torch::equal(layers[i], groups[i])) << i;
  named.groups = {{"all", {"*"}}};
  GradVacOptions whole = kHeads;
  whole.components = ComponentKind::whole_model;
  const auto model = after_steps(module, whole), all = after_steps(module, named);
  for (size_t i = 0; i < model.size(); ++i) EXPECT_TRUE(torch::equal(model[i], all[i])) << i;
  EXPECT_FALSE(torch::equal(all[0], layers[0]));
}

// A group's columns lie side by side, wherever its parameters are in the module.
TEST(GradVac, GroupsMayBeScattered) {
  const TwoHeads module;
  GradVacOptions options = {.method = MultitaskMethod::pcgrad, .heads = {"head_*"}};
  options.groups = {{"weights", {"*.weight"}}};  // the biases are the rest
  const auto rule = std::make_shared<GradVac>(module, std::vector<std::string>{"a", "b"}, options);
  EXPECT_EQ(rule->component_names(), (std::vector<std::string>{"weights", "rest"}));
  EXPECT_EQ(rule->components()[0].end, 8);
  EXPECT_EQ(rule->components()[1].end, 12);
  EXPECT_TRUE(rule->shared_parameters()[1].is_same(module.named_parameters()["second.weight"]));
  Tasks source(module, {"a", "b"});
  step_of(module, rule)->step(source);
  const auto combined = gradients(module);
  core::Random random = core::Seed(0).stream(uint64_t{0}).random();
  for (const auto& [one, two] : {std::pair<size_t, size_t>{0, 2}, {1, 3}}) {
    std::vector<torch::Tensor> rows;
    for (const auto& [task, number] : {std::pair{"a", 0}, std::pair{"b", 1}})
      rows.push_back(
          torch::cat({Tasks::gradient(combined[one], static_cast<uint64_t>(number), task).reshape(-1),
                      Tasks::gradient(combined[two], static_cast<uint64_t>(number), task).reshape(-1)}));
    EXPECT_TRUE(torch::allclose(torch::cat({combined[one].reshape(-1), combined[two].reshape(-1)}),
                                pcgrad(torch::stack(rows), random)));
  }
}

TEST(GradVac, CombinesTasksAndLeavesHeadsAlone) {
  TwoHeads module;
  const auto rule = std::make_shared<GradVac>(
      module, std::vector<std::string>{"a", "b"},
      GradVacOptions{.method = MultitaskMethod::pcgrad, .heads = {"head_*"}, .seed = 3});
  Tasks source(module, {"a", "b"});
  const StepReport report = step_of(module, rule)->step(source);
  const auto combined = gradients(module);
  const auto parameters = module.named_parameters();
  const auto flat = [&](const std::string& task, uint64_t number, size_t from) {
    return torch::cat({Tasks::gradient(parameters[from].value(), number, task).reshape(-1),
                       Tasks::gradient(parameters[from + 1].value(), number, task).reshape(-1)});
  };
  core::Random random = core::Seed(3).stream(uint64_t{0}).random();
  for (size_t layer : {size_t{0}, size_t{2}}) {
    const torch::Tensor expected = pcgrad(torch::stack({flat("a", 0, layer), flat("b", 1, layer)}), random);
    EXPECT_TRUE(torch::allclose(torch::cat({combined[layer].reshape(-1), combined[layer + 1].reshape(-1)}),
                                expected));
  }
  for (size_t p = 4; p < 8; ++p) {
    const std::string task = p < 6 ? "a" : "b";
    EXPECT_TRUE(torch::equal(combined[p], Tasks::gradient(parameters[p].value(), p < 6 ? 0 : 1, task)));
  }
  EXPECT_GT(report.metrics.at("trigger_rate"), 0);
}

TEST(GradVac, SumAndMeanArePlain) {
  for (const auto& [method, share] :
       {std::pair{MultitaskMethod::sum, 1.0}, std::pair{MultitaskMethod::mean, 0.5}}) {
    TwoHeads module;
    const auto rule = std::make_shared<GradVac>(module, std::vector<std::string>{"a", "b"},
                                                GradVacOptions{.method = method, .heads = {"head_*"}});
    Tasks source(module, {"a", "b", "a"});  // two micro-batches of a: averaged
    const StepReport report = step_of(module, rule)->step(source);
    const torch::Tensor w = module.parameters()[0];
    const torch::Tensor expected = share * (0.5 * (Tasks::gradient(w, 0, "a") + Tasks::gradient(w, 2, "a")) +
                                            Tasks::gradient(w, 1, "b"));
    EXPECT_TRUE(torch::allclose(w.grad(), expected));
    EXPECT_EQ(report.metrics.at("trigger_rate"), 0);
    EXPECT_NEAR(report.metrics.at("norm_ratio"), 1, 1e-12);
  }
}

TEST(GradVac, AveragesWaitForATaskAndSurviveInTheCheckpoint) {
  TwoHeads module;
  GradVacOptions options = kHeads;
  options.beta = 0.5;
  const std::vector<std::string> tasks = {"a", "b"};
  const auto rule = std::make_shared<GradVac>(module, tasks, options),
             resumed = std::make_shared<GradVac>(module, tasks, options);
  const auto step = step_of(module, rule);
  Tasks both(module, tasks), alone(module, {"a", "a"});
  step->step(both);
  const torch::Tensor before = rule->averages().clone();
  EXPECT_GT(before.abs().sum().item<double>(), 0);
  step->step(alone);
  EXPECT_TRUE(torch::equal(rule->averages(), before));

  const auto other = step_of(module, resumed);
  transfer(*step, *other);
  EXPECT_TRUE(torch::equal(resumed->averages(), before));
  GradVac swapped(module, {"b", "a", "c"}, options);
  transfer(*rule, swapped);
  EXPECT_TRUE(torch::equal(swapped.averages()[1][0], before[0][1]));
  EXPECT_EQ(swapped.averages()[2].abs().sum().item<double>(), 0);
}

// Two processes with a micro-batch of each task are one with both, when all are summed first.
TEST(GradVac, TwoProcessesAreOne) {
  TwoHeads module;
  const std::vector<std::string> tasks = {"a", "b"};
  GradVacOptions options = kHeads;
  options.beta = 0.3;
  const auto make = [&] { return std::make_shared<GradVac>(module, tasks, options); };
  const auto whole = make(), first = make(), second = make();
  ComposedStep together(make_optimizer(module.parameters(), {.lr = 1e-9}), {.combine = whole});
  Tasks all(module, {"a", "b", "a", "b"});
  together.step(all);
  const auto expected = gradients(module);

  Tasks left(module, tasks, 0, 2), right(module, tasks, 2, 2);
  step_of(module, second)->step(right);  // its packet is kept
  left.other = &right.kept;
  const StepReport report = step_of(module, first)->step(left);
  const auto halves = gradients(module);
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_TRUE(torch::allclose(halves[i], expected[i], 1e-9, 1e-12)) << i;
  EXPECT_TRUE(torch::allclose(first->averages(), whole->averages()));
  EXPECT_EQ(report.collectives, 1);

  options.global = false;  // as many numbers as parameters, the averages, and the counts
  const auto local = make();
  Tasks cheap(module, tasks, 0, 2);
  step_of(module, local)->step(cheap);
  EXPECT_EQ(cheap.sent, 12 + 6 + 4 + 2 * 2 * 2 + 2);
}

// Halves in memory: what is lost is their rounding, 2^-9 of a gradient.
TEST(GradVac, HalvesAreNearlyTheSame) {
  TwoHeads module;
  std::vector<torch::Tensor> results;
  for (const bool halves : {false, true}) {
    GradVacOptions options = kHeads;
    options.target = 0.5;
    options.store_bfloat16 = halves;
    const auto rule = std::make_shared<GradVac>(module, std::vector<std::string>{"a", "b"}, options);
    Tasks source(module, {"a", "b"});
    const auto step = step_of(module, rule);
    step->step(source);
    step->step(source);  // the memory is used again
    results.push_back(gradients(module)[0].reshape(-1));
  }
  EXPECT_FALSE(torch::equal(results[0], results[1]));
  EXPECT_LT((results[0] - results[1]).norm().item<double>(), 0.01 * results[0].norm().item<double>());
}

TEST(GradVac, OptionsOfATable) {
  const GradVacOptions defaults = grad_vac_options(core::Config::parse(""));
  EXPECT_EQ(defaults.method, MultitaskMethod::gradvac);
  EXPECT_EQ(defaults.beta, 0.01);
  EXPECT_FALSE(defaults.target);
  const GradVacOptions options = grad_vac_options(
      core::Config::parse("method = 'gradvac'\ntarget = 0.2\ncomponents = 'tensor'\nreduction = 'mean'\n"
                          "surgery = 'local'\ntreated = ['a']\nstore_bfloat16 = true"));
  EXPECT_EQ(options.target, 0.2);
  EXPECT_EQ(options.components, ComponentKind::tensor);
  EXPECT_EQ(options.reduction, TaskReduction::mean);
  EXPECT_FALSE(options.global);
  EXPECT_TRUE(options.store_bfloat16);
  const GradVacOptions groups =
      grad_vac_options(core::Config::parse("groups = { encoder = ['a.*', 'b.*'], decoder = ['c.*'] }"));
  EXPECT_EQ(groups.groups.at("encoder"), (std::vector<std::string>{"a.*", "b.*"}));
  const auto refused = [](const char* toml) {
    return message_of<InputError>([&] {
      const core::Config config = core::Config::parse(toml);
      grad_vac_options(config);
      config.reject_unknown();
    });
  };
  EXPECT_NE(refused("target = 1.0").find("target must be"), std::string::npos);
  EXPECT_NE(refused("components = 'layer'\n[groups]\na = ['*']").find("keep one"), std::string::npos);
  EXPECT_NE(refused("[groups]\na = '*'").find("groups.a must be an array"), std::string::npos);
  EXPECT_NE(refused("groups = 'layer'").find("groups must be a table"), std::string::npos);
  EXPECT_NE(refused("beta = 2").find("beta must be"), std::string::npos);
  EXPECT_NE(refused("method = 'pcgrad'\nbeta = 0.1").find("beta"), std::string::npos);
}

TEST(GradVac, SaysWhatIsWrong) {
  TwoHeads module;
  const auto make = [&](std::vector<std::string> tasks, const GradVacOptions& options) {
    return message_of<InputError>([&] { GradVac(module, std::move(tasks), options); });
  };
  EXPECT_NE(make({"a"}, {}).find("needs two tasks or more, got 1"), std::string::npos);
  EXPECT_NE(make({"a", "b"}, {.beta = -1}).find("beta"), std::string::npos);
  EXPECT_NE(make({"a", "b"}, {.treated = {"c"}}).find("no task 'c' among a, b"), std::string::npos);
  EXPECT_NE(make({"a", "b"}, {.heads = {"tail.*"}}).find("tail.*"), std::string::npos);
  EXPECT_NE(make({"a", "b"}, {.heads = {"*"}}).find("nothing that tasks share"), std::string::npos);
  const auto grouped = [&](std::map<std::string, std::vector<std::string>> groups) {
    return make({"a", "b"}, {.groups = std::move(groups), .heads = {"head_*"}});
  };
  EXPECT_EQ(grouped({{"x", {"first.*", "third.*"}}, {"y", {"head_a.*"}}, {"z", {}}}),
            "no shared parameter's name matches groups: x = 'third.*', y = 'head_a.*', z = []");
  EXPECT_EQ(grouped({{"x", {"first.*"}}, {"y", {"*.weight"}}, {"z", {"*"}}}),
            "parameters in more than one group: first.weight (x and y and z), first.bias (x and z), "
            "second.weight (y and z)");
  const auto rule = std::make_shared<GradVac>(module, std::vector<std::string>{"a", "b"}, kHeads);
  Tasks source(module, {"a", "z"});
  EXPECT_NE(message_of<InputError>([&] { step_of(module, rule)->step(source); }).find("no task 'z'"),
            std::string::npos);
}

}  // namespace
}  // namespace lathe::optim
