"""Small nets as people write them in PyTorch, channels first: what the converters' scripts beside this one convert."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

SIZE = 32


def conv(taken: int, given: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """A 3x3 convolution, batch norm, ReLU."""
    layers = nn.Conv2d(taken, given, 3, stride, 1, groups=groups, bias=False), nn.BatchNorm2d(given), nn.ReLU()
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """Two levels, transposed convolutions, skips, a sigmoid."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.middle, self.low = conv(3, 8), conv(8, 16), conv(16, 16)
        self.pool = nn.MaxPool2d(2)
        self.up1, self.up2 = nn.ConvTranspose2d(16, 16, 2, 2), nn.ConvTranspose2d(16, 8, 2, 2)
        self.join1, self.join2, self.last = conv(32, 16), conv(16, 8), nn.Conv2d(8, 3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = self.down(x)
        second = self.middle(self.pool(first))
        y = self.up1(self.low(self.pool(second)))
        y = self.up2(self.join1(torch.cat([y, second], 1)))
        return torch.sigmoid(self.last(self.join2(torch.cat([y, first], 1))))


class MobileDecoder(nn.Module):
    """Depthwise separable blocks with ReLU6 and hard swish, bilinear upsampling by 2, a softmax over the classes."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.depthwise, self.pointwise = nn.Conv2d(8, 8, 3, 1, 1, groups=8), nn.Conv2d(8, 16, 1)
        self.block = nn.Sequential(nn.Conv2d(16, 16, 3, 1, 1, groups=16), nn.BatchNorm2d(16), nn.ReLU6(),
                                   nn.Conv2d(16, 16, 1))  # fmt: skip
        self.last = nn.Conv2d(16, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu6(self.pointwise(F.hardswish(self.depthwise(F.hardswish(self.stem(x))))))
        y = y + self.block(y)
        y = F.interpolate(self.last(y), scale_factor=2, mode="bilinear", align_corners=False)
        return torch.softmax(y, 1)


class Espcn(nn.Module):
    """Super-resolution by 2: tanh, then a pixel shuffle."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = (
            nn.Conv2d(1, 16, 5, 1, 2),
            nn.Conv2d(16, 8, 3, 1, 1),
            nn.Conv2d(8, 4, 3, 1, 1),
        )
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.shuffle(self.third(torch.tanh(self.second(torch.tanh(self.first(x))))))


class SqueezeExcite(nn.Module):
    """A block whose channels are weighed by the mean of the whole picture, in a residual net."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.body = conv(3, 8), conv(8, 8)
        self.squeeze, self.excite, self.last = nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1), nn.Conv2d(8, 3, 3, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.stem(x)
        body = self.body(y)
        weight = F.adaptive_avg_pool2d(body, 1)
        weight = torch.sigmoid(self.excite(F.relu(self.squeeze(weight))))
        return self.last(y + body * weight)


class TwoHeads(nn.Module):
    """A detector: scores and boxes at two sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.fine, self.coarse = conv(3, 8, 2), conv(8, 8), conv(8, 16, 2)
        self.scores1, self.boxes1 = nn.Conv2d(8, 2, 1), nn.Conv2d(8, 4, 1)
        self.scores2, self.boxes2 = nn.Conv2d(16, 2, 1), nn.Conv2d(16, 4, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        fine = self.fine(self.stem(x))
        coarse = self.coarse(fine)
        fine_scores, coarse_scores = torch.sigmoid(self.scores1(fine)), torch.sigmoid(self.scores2(coarse))
        return fine_scores, self.boxes1(fine), coarse_scores, self.boxes2(coarse)


class Denoiser(nn.Module):
    """What is noise is taken away: leaky ReLUs, nearest upsampling, a residual."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = (
            nn.Conv2d(3, 8, 3, 2, 1),
            nn.Conv2d(8, 8, 3, 1, 1),
            nn.Conv2d(8, 3, 3, 1, 1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.leaky_relu(self.second(F.leaky_relu(self.first(x), 0.1)), 0.1)
        return x - self.third(F.interpolate(y, scale_factor=2, mode="nearest"))


class Dilated(nn.Module):
    """Dilated convolutions side by side, as in ASPP, and average pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv(3, 8)
        self.near = nn.Conv2d(8, 4, 3, 1, 1)
        self.far = nn.Conv2d(8, 4, 3, 1, 3, dilation=3)
        self.last = nn.Conv2d(16, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.stem(x)
        y = torch.cat([F.relu(self.near(y)), F.relu(self.far(y)), y], 1)
        return self.last(F.avg_pool2d(y, 2))


class Unshuffled(nn.Module):
    """Pixels into channels, grouped convolutions, GELU and SiLU, channels split in halves, and back again."""

    def __init__(self) -> None:
        super().__init__()
        self.unshuffle, self.shuffle = nn.PixelUnshuffle(2), nn.PixelShuffle(2)
        self.mix, self.grouped, self.last = (
            nn.Conv2d(12, 16, 1),
            nn.Conv2d(16, 16, 3, 1, 1, groups=4),
            nn.Conv2d(8, 12, 1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.gelu(self.mix(self.unshuffle(x)))
        half, gate = torch.chunk(F.silu(self.grouped(y)), 2, 1)
        return self.shuffle(self.last(half * gate))


MODELS: dict[str, tuple[type[nn.Module], int]] = {
    "unet": (UNet, 3), "mobile": (MobileDecoder, 3), "espcn": (Espcn, 1), "excite": (SqueezeExcite, 3),
    "heads": (TwoHeads, 3), "denoise": (Denoiser, 3), "dilated": (Dilated, 3), "unshuffled": (Unshuffled, 3),
}  # fmt: skip
"""By name: the net, and the channels of its picture."""


def made(name: str) -> tuple[nn.Module, list[torch.Tensor]]:
    """A net of seeded weights whose batch norms have seen something, and pictures to calibrate it on."""
    torch.manual_seed(sum(map(ord, name)))
    kind, channels = MODELS[name]
    net, pictures = kind(), [torch.rand(1, channels, SIZE, SIZE) for _ in range(8)]
    with torch.no_grad():
        for picture in pictures:
            net(picture)
    return net.eval(), pictures
