"""Exercises of notebook 04, Two losses, one picture."""

from __future__ import annotations

from torch import Generator, Tensor

from nstkit.checks import Case, Exercise, normal
from nstkit.losses import gram_matrix, total_variation


def paper_style_loss(F_l: Tensor, A_l: Tensor, divisor: float = 4.0) -> Tensor:
    """Return Gatys et al. 2016, eq. 4, from features and the artwork's plain Gram matrix."""
    N_l, M_l = F_l.shape[1], F_l.shape[2] * F_l.shape[3]
    difference = gram_matrix(F_l, None) - A_l
    return difference.square().sum() / (divisor * N_l**2 * M_l**2)


def features_and_gram(g: Generator) -> list[Case]:
    """Return features of two sizes, each with the Gram matrix of others of that size."""
    shapes = ((1, 3, 4, 5), (1, 2, 7, 3))
    return [(normal(g, *shape), gram_matrix(normal(g, *shape), None)) for shape in shapes]


def new_beta(content: float, style: float, beta: float, share: float) -> float:
    """Return the beta at which the style's gradient has this share of the two."""
    return beta * content / style * share / (1 - share)


# Of the paper's beta / alpha = 1000 on a 512 x 512 picture: conv4_2 has 512 channels, 64 x 64.
RATIO = 1000 / (2 * 512 * 64 * 64)

EXERCISES: dict[str, Exercise] = {
    "4.1": Exercise(
        right=lambda x: total_variation(x, "l1"),
        mistakes={
            "It still compares colors with colors: axis 1 is the channels.": lambda x: (
                (x[:, 1:] - x[:, :-1]).abs().mean() + (x[:, :, 1:] - x[:, :, :-1]).abs().mean()
            ),
            "The colors are out, but columns are missing: axis 3.": lambda x: (
                (x[:, :, 1:] - x[:, :, :-1]).abs().mean()
            ),
            "The colors are out, but rows are missing: axis 2.": lambda x: (
                (x[..., 1:] - x[..., :-1]).abs().mean()
            ),
            "The axes are right. It asks for absolute differences, not squares.": total_variation,
            "The axes are right. Take means, not sums.": lambda x: total_variation(x, "l1", "sum"),
        },
        cases=lambda g: [(normal(g, 1, 3, 4, 6),), (normal(g, 2, 3, 5, 2),)],
    ),
    "4.2": Exercise(
        right=new_beta,
        mistakes={
            "Both norms were measured at the present beta: multiply it.": lambda c, s, b, p: (
                new_beta(c, s, 1, p)
            ),
            "Turn the norms around: a weak style needs a larger beta.": lambda c, s, b, p: new_beta(
                s, c, b, p
            ),
            "The share is of the whole: style / (content + style).": lambda c, s, b, p: (
                b * c / s * p
            ),
            "That is the share the content would get.": lambda c, s, b, p: new_beta(c, s, b, 1 - p),
            "The share does not grow in proportion to beta.": lambda c, s, b, p: (
                b * p / (s / (c + s))
            ),
        },
        cases=lambda g: [(3.0, 1.0, 10.0, 0.75), (0.2, 5.0, 4.0, 0.9), (1.0, 7.0, 1e3, 0.2)],
    ),
    "4.3": Exercise(
        right=paper_style_loss,
        mistakes={
            "Four times too large: eq. 4 begins with 1/4.": lambda F_l, A_l: paper_style_loss(
                F_l, A_l, 1
            ),
            "Divide by N_l squared and by M_l squared, not by N_l and M_l.": lambda F_l, A_l: (
                paper_style_loss(F_l, A_l) * F_l[0].numel()
            ),
            "A mean already divides by N_l^2: take the sum, or leave N_l^2 out.": lambda F_l, A_l: (
                paper_style_loss(F_l, A_l) / F_l.shape[1] ** 2
            ),
            "M_l is the number of positions, H_l * W_l; the height alone is too few.": (
                lambda F_l, A_l: paper_style_loss(F_l, A_l) * F_l.shape[3] ** 2
            ),
            "A_l is a plain sum over positions: make G_l the same, with normalize=None.": (
                lambda F_l, A_l: (gram_matrix(F_l) - A_l).square().sum() / (4 * F_l[0].numel() ** 2)
            ),
            "N_l^2 M_l^2 is missing below the fraction bar.": lambda F_l, A_l: (
                (gram_matrix(F_l, None) - A_l).square().sum() / 4
            ),
        },
        cases=features_and_gram,
    ),
    "4.4": Exercise(
        right=RATIO,
        mistakes={
            "That is alpha/beta; asked is beta/alpha.": 1 / RATIO,
            "The paper's 1e-3 is alpha/beta: turn it around first.": RATIO / 1e6,
            "The constants 1/2 and 1/4 do not cancel.": 2 * RATIO,
            "Turn the constants around: the style keeps 1/4, the content 1/2.": 4 * RATIO,
            "M_l counts positions of conv4_2: three poolings halve each side.": RATIO / 64,
            "N_l is missing: the sum runs over the channels too.": 512 * RATIO,
            "M_l counts both axes, 64 x 64.": 64 * RATIO,
        },
    ),
}
