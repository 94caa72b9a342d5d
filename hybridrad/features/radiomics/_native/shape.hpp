// What the shape of a mask needs: counts over its marching cubes, moments of its voxels, diameters of its surface.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hybridrad {

class Mask {
  public:
    // Pads with one voxel of background on every side. Throws std::invalid_argument for an empty mask.
    Mask(const std::uint8_t* data, std::ptrdiff_t nz, std::ptrdiff_t ny, std::ptrdiff_t nx);

    // How often each of the 256 arrangements of a cube of 2 x 2 x 2 voxels occurs (bit 4 z + 2 y + x: that corner is
    // inside), and the sums of the z, y and x of these cubes.
    struct Cubes {
        std::array<std::int64_t, 256> count{};
        std::array<std::array<std::int64_t, 3>, 256> position{};
    };
    Cubes cubes() const;

    // Number of voxels, their mean index and the covariance (divisor n) of their indices: zz, yy, xx, zy, zx, yx.
    struct Moments {
        std::int64_t n;
        std::array<double, 3> mean;
        std::array<double, 6> covariance;
    };
    Moments moments() const;

    // Largest distance between two points halfway between a voxel inside and its neighbour outside: with the same z,
    // with the same y, with the same x, and any.
    std::array<double, 4> diameters(const std::array<double, 3>& spacing) const;

  private:
    std::size_t at(std::ptrdiff_t z, std::ptrdiff_t y, std::ptrdiff_t x) const {
        return static_cast<std::size_t>((z * size[1] + y) * size[2] + x);
    }
    std::array<std::ptrdiff_t, 3> size;
    std::vector<std::uint8_t> inside;
};

}  // namespace hybridrad
