#include "lathe/data/scenes.h"

#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "lathe/core/error.h"
#include "lathe/core/parallel.h"

namespace lathe::data {
namespace {

constexpr double kPi = 3.14159265358979323846;
using Rgb = std::array<double, 3>;

Rgb mixed(const Rgb& a, const Rgb& b, double share) {
  share = std::clamp(share, 0.0, 1.0);
  return {a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]), a[2] + share * (b[2] - a[2])};
}

Rgb dimmed(const Rgb& a, double by) {
  return {a[0] * by, a[1] * by, a[2] * by};
}

// Smooth noise in [0, 1]: values on a lattice, smoothly between, three octaves (Perlin 1985).
class Clouds {
 public:
  Clouds(core::Random& random, double cell) : cell_(cell) {
    for (double& value : lattice_) value = random.uniform();
  }
  double operator()(double x, double y) const {
    double sum = 0, share = 0.55;
    for (double scale = 1; scale < 5; scale *= 2, share /= 2)
      sum += share * at(x * scale / cell_, y * scale / cell_);
    return sum;
  }

 private:
  static constexpr int kSide = 32;
  double corner(int64_t i, int64_t j) const {
    return lattice_[static_cast<size_t>((j & (kSide - 1)) * kSide + (i & (kSide - 1)))];
  }
  double at(double x, double y) const {
    const double fx = std::floor(x), fy = std::floor(y);
    const auto i = static_cast<int64_t>(fx), j = static_cast<int64_t>(fy);
    const auto smooth = [](double t) { return t * t * (3 - 2 * t); };
    const double u = smooth(x - fx), v = smooth(y - fy);
    const double upper = corner(i, j) + u * (corner(i + 1, j) - corner(i, j)),
                 lower = corner(i, j + 1) + u * (corner(i + 1, j + 1) - corner(i, j + 1));
    return upper + v * (lower - upper);
  }
  double cell_;
  std::array<double, kSide * kSide> lattice_{};
};

// The colour at x, y in [0, 1], y downwards.
using Scene = std::function<Rgb(double x, double y, core::Random& random)>;

Scene grass(core::Random& random) {
  return [clouds = Clouds(random, 0.25), blades = Clouds(random, 0.02)](double x, double y, core::Random&) {
    return dimmed(mixed({40, 110, 30}, {110, 170, 60}, clouds(x, y)), 0.7 + 0.5 * blades(x, y / 5));
  };
}
Scene sea(core::Random& random) {
  return [clouds = Clouds(random, 0.2), waves = random.uniform(9, 14), phase = random.uniform(0, 2 * kPi)](
             double x, double y, core::Random&) {
    const double crest = std::sin(2 * kPi * waves * y * (0.5 + y) + phase + 4 * clouds(x, y));
    return mixed({10, 60, 110}, {120, 180, 200}, 0.35 + 0.3 * crest + 0.25 * (1 - y));
  };
}
Scene sky(core::Random& random) {
  return [clouds = Clouds(random, 0.35)](double x, double y, core::Random&) {
    const Rgb blue = mixed({70, 130, 220}, {180, 210, 245}, y);
    return mixed(blue, {250, 250, 252}, 3 * (clouds(x, 2 * y) - 0.5));
  };
}
Scene brick(core::Random& random) {
  const double rows = random.uniform(6, 9);
  return [rows, clouds = Clouds(random, 0.08), offset = random.uniform()](double x, double y, core::Random&) {
    const double row = std::floor(y * rows + offset);
    const double along = x * rows / 2 + 0.5 * std::fmod(std::abs(row), 2) + offset;
    const double in_row = y * rows + offset - row, in_brick = along - std::floor(along);
    if (in_row < 0.12 || in_brick < 0.06) return Rgb{190, 185, 175};
    return mixed({120, 45, 35}, {185, 85, 60}, clouds(std::floor(along) * 0.37 + x / 4, row * 0.53 + y / 4));
  };
}
Scene wood(core::Random& random) {
  return [clouds = Clouds(random, 0.4), boards = random.uniform(2.5, 4.5), phase = random.uniform(0, 6)](
             double x, double y, core::Random&) {
    const double board = std::floor(x * boards);
    const double rings = std::sin(40 * (clouds(x * 1.5 + board, y / 4 + board) + 0.3 * x) + phase + board);
    const bool gap = x * boards - board < 0.05;
    return dimmed(mixed({110, 70, 35}, {180, 130, 80}, 0.5 + 0.4 * rings), gap ? 0.5 : 1);
  };
}
Scene sand(core::Random& random) {
  return [clouds = Clouds(random, 0.3), ripples = random.uniform(10, 16)](double x, double y,
                                                                          core::Random& grain) {
    const double ripple = std::sin(2 * kPi * ripples * (y + 0.15 * clouds(x, y)));
    return mixed({185, 150, 95}, {240, 215, 165}, 0.5 + 0.25 * ripple + 0.2 * (grain.uniform() - 0.5));
  };
}
Scene snow(core::Random& random) {
  return [clouds = Clouds(random, 0.4)](double x, double y, core::Random& grain) {
    const double sparkle = grain.uniform() < 0.01 ? 0.5 : 0;
    return mixed({195, 210, 235}, {255, 255, 255}, clouds(x, y) + 0.3 + sparkle);
  };
}
Scene street(core::Random& random) {
  return [horizon = random.uniform(0.35, 0.5), windows = random.uniform(4, 7), clouds = Clouds(random, 0.05),
          line = random.uniform(0.4, 0.6)](double x, double y, core::Random&) {
    if (y < horizon) {
      const double u = x * windows - std::floor(x * windows), v = y * windows - std::floor(y * windows);
      const bool window = u > 0.25 && u < 0.75 && v > 0.25 && v < 0.8;
      return window ? Rgb{200, 190, 130} : Rgb{75, 70, 75};
    }
    const double depth = (y - horizon) / (1 - horizon);
    const bool paint = std::abs(x - line) < 0.015 + 0.03 * depth && std::fmod(depth * 5, 1) < 0.6;
    return paint ? Rgb{235, 235, 225} : dimmed({105, 105, 110}, 0.75 + 0.5 * clouds(x, y));
  };
}
Scene noise(core::Random&) {
  return [](double, double, core::Random& grain) {
    return Rgb{grain.uniform(0, 255), grain.uniform(0, 255), grain.uniform(0, 255)};
  };
}

// How far between its two colours a pattern is.
using Pattern = std::function<double(double x, double y)>;

Pattern pattern_of(int64_t kind, core::Random& random) {
  const double angle = random.uniform(0, kPi), c = std::cos(angle), s = std::sin(angle);
  const double count = random.uniform(4, 8), phase = random.uniform();
  const auto fraction = [](double t) { return t - std::floor(t); };
  switch (kind) {
    case 0:  // stripes
      return [=](double x, double y) { return fraction(count * (c * x + s * y) + phase) < 0.5 ? 0.0 : 1.0; };
    case 1:  // checks
      return [=](double x, double y) {
        const auto cell = static_cast<int64_t>(std::floor(count * (c * x + s * y) + phase) +
                                               std::floor(count * (c * y - s * x) + phase));
        return cell % 2 == 0 ? 0.0 : 1.0;
      };
    case 2:  // clouds
      return [clouds = Clouds(random, 0.3)](double x, double y) { return 4 * (clouds(x, y) - 0.4); };
    case 3:  // dots
      return [=](double x, double y) {
        const double u = fraction(count * (c * x + s * y) + phase) - 0.5,
                     v = fraction(count * (c * y - s * x) + phase) - 0.5;
        return u * u + v * v < 0.09 ? 1.0 : 0.0;
      };
    case 4:  // rings
      return [=](double x, double y) {
        return 0.5 + 0.5 * std::sin(2 * kPi * count * std::hypot(x - phase, y - c * c));
      };
    default:  // a slope
      return [=](double x, double y) { return 0.5 + 0.7 * (c * (x - 0.5) + s * (y - 0.5)); };
  }
}
constexpr int64_t kPatterns = 6;

Scene patterned(int64_t place, core::Seed world, core::Random& random) {
  core::Random of_place = world.stream(static_cast<uint64_t>(place)).random();
  Rgb colours[2];
  for (Rgb& colour : colours)
    for (double& channel : colour) channel = of_place.uniform(0, 255);
  return [first = colours[0], second = colours[1], share = pattern_of(place % kPatterns, random)](
             double x, double y, core::Random&) { return mixed(first, second, share(x, y)); };
}

using MakeScene = Scene (*)(core::Random&);
constexpr std::array<MakeScene, 9> kScenes = {grass, sea, sky, brick, wood, sand, snow, street, noise};

Scene scene_of(int64_t place, core::Seed world, core::Random& random) {
  const auto number = static_cast<size_t>(place);
  return number < kScenes.size() ? kScenes[number](random) : patterned(place, world, random);
}

}  // namespace

const std::vector<std::string>& scene_names() {
  static const std::vector<std::string> names = {"grass", "sea",  "sky",    "brick", "wood",
                                                 "sand",  "snow", "street", "noise"};
  return names;
}

torch::Tensor scenes(const std::vector<int64_t>& places, int64_t size, core::Seed world, core::Seed seed) {
  if (size < 8 || size > 1024) throw InputError("scenes must have a side of 8 to 1024 pixels, got {}", size);
  for (int64_t place : places)
    if (place < 0) throw InputError("there is no place {}", place);
  const auto count = static_cast<int64_t>(places.size());
  torch::Tensor images = torch::empty({count, 3, size, size}, torch::kUInt8);
  uint8_t* pixels = images.data_ptr<uint8_t>();
  core::parallel_for(count, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      core::Random random = seed.stream(static_cast<uint64_t>(i)).random();
      const Scene scene = scene_of(places[static_cast<size_t>(i)], world, random);
      uint8_t* image = pixels + i * 3 * size * size;
      for (int64_t row = 0; row < size; ++row)
        for (int64_t column = 0; column < size; ++column) {
          const Rgb colour = scene((static_cast<double>(column) + 0.5) / static_cast<double>(size),
                                   (static_cast<double>(row) + 0.5) / static_cast<double>(size), random);
          for (int64_t c = 0; c < 3; ++c)
            image[(c * size + row) * size + column] =
                static_cast<uint8_t>(std::lround(std::clamp(colour[static_cast<size_t>(c)], 0.0, 255.0)));
        }
    }
  });
  return images;
}

}  // namespace lathe::data
