"""The exercises of all notebooks, one file of data each; `nstkit.checks` judges by them."""

from nstkit.checks import (
    Exercise,
    notebook_01,
    notebook_02,
    notebook_03,
    notebook_04,
    notebook_05,
    notebook_06,
    notebook_07,
    notebook_08,
    notebook_09,
    notebook_10,
    notebook_11,
    notebook_12,
    notebook_13,
)

EXERCISES: dict[str, Exercise] = {
    **notebook_01.EXERCISES,
    **notebook_02.EXERCISES,
    **notebook_03.EXERCISES,
    **notebook_04.EXERCISES,
    **notebook_05.EXERCISES,
    **notebook_06.EXERCISES,
    **notebook_07.EXERCISES,
    **notebook_08.EXERCISES,
    **notebook_09.EXERCISES,
    **notebook_10.EXERCISES,
    **notebook_11.EXERCISES,
    **notebook_12.EXERCISES,
    **notebook_13.EXERCISES,
}
