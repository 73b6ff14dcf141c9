"""Every number that shapes the synthetic population, with its source or the word *assumption*.

Nothing here comes from client data. "KEHA", "Akava", "Junna 2022", "S1" and "S2" name public statistics and studies
listed in the domain notes; what has no such name is an assumption, chosen so that the published totals come out.
"""

import datetime
from dataclasses import dataclass, field

GENERATOR_VERSION = "1.0"
AREA = "keski_uusimaa"

DAYS_A_YEAR = 365.25
DAYS_A_MONTH = 30.4375
HORIZON_DAYS = 365
"""Twelve months, counted from the first day of a run of unemployment."""
LANDMARK_MONTHS = (0, 3, 6, 9)


def day(year: int, month: int, day_of_month: int) -> int:
    """Days since 1970-01-01 of a calendar day."""
    return (datetime.date(year, month, day_of_month) - datetime.date(1970, 1, 1)).days


FIRST_CLIENTS_ON = day(2013, 1, 1)
"""Life before the window is simulated so that the stock of 2019 has a past; none of it is written."""
WINDOW_OPENS = day(2019, 1, 1)
DEFAULT_UNTIL = "2026-10-31"
DEFAULT_PEOPLE = 100_000


@dataclass(frozen=True)
class HazardParameters:
    """The hazard of ending a run of unemployment (code 02, services and subsidised work included).

    shape: below 1, so that the hazard falls with time (Weibull; statistics of 2017 give .61 before unobserved
    differences between people are taken out, assumption for what is left).
    scale_days: calibrated so that about 17 % of the entrants of 2019-22 reach twelve months.
    macro: (day, multiplier) knots of a calendar path; entrants of 2025 reach twelve months in 26-29 % of cases.
    """

    shape: float = 0.78
    scale_days: float = 125.0
    macro: tuple[tuple[int, float], ...] = (
        (day(2013, 1, 1), 0.85),
        (day(2017, 1, 1), 1.00),
        (day(2020, 2, 15), 1.00),
        (day(2020, 4, 1), 0.77),
        (day(2020, 10, 1), 0.97),
        (day(2021, 9, 1), 0.99),
        (day(2022, 9, 1), 1.01),
        (day(2023, 7, 1), 0.94),
        (day(2024, 7, 1), 0.83),
        (day(2025, 7, 1), 0.75),
        (day(2026, 12, 31), 0.73),
    )
    other_exit_daily: float = 0.00050
    """Competing exits to education or out of the labour force; about a fifth of all ends (assumption)."""
    death_daily: float = 0.0000082


@dataclass(frozen=True)
class Effects:
    """Log hazard ratios of finding open-market work."""

    unemployed_200_days: float = -0.223
    """HR 0.80 for each 200 days unemployed in the last three years (assumption)."""
    unemployed_over_a_year: float = -0.40
    """A threshold on top: more than 365 of the last 1,095 days (assumption)."""
    age_steps: tuple[tuple[int, float], ...] = ((0, 0.095), (25, 0.0), (45, -0.163), (55, -0.431), (60, -0.799))
    """HR 1.1, 1, 0.85, 0.65, 0.45 from the age named (assumption shaped on KEHA's stocks)."""
    older_with_history: float = -0.25
    """Interaction: 50 or older and more than 180 days unemployed in three years (assumption)."""
    education: tuple[float, ...] = (-0.105, -0.105, -0.105, 0.0, 0.0, 0.0, -0.030, -0.051, -0.051)
    """By level 0-8: basic 0.90, secondary 1, lower tertiary 0.97, higher tertiary 0.95 (assumption shaped on Akava)."""
    long_illness: float = -0.33
    """HR 0.72, between Junna 2022's psychiatric (0.60-0.82) and physical conditions (0.90-0.92)."""
    long_illness_over_50: float = -0.20
    health: float = 0.16
    """HR 1.10 for a point of the Work Ability Score (assumption), 1.6 points for a standard deviation of health."""
    poor_health: float = -0.22
    """A threshold: the lowest eighth of health (assumption)."""
    employability: float = 0.18
    """What no register holds: networks, motivation, skills not certified (assumption)."""
    run_noise: float = 0.08
    """What differs between two runs of the same person (assumption)."""
    foreign_citizen: float = -0.073
    """HR 0.93, the middle of the range 0.85-1.0 that audits vary (assumption)."""
    summer_start: float = -0.08
    summer_start_tertiary_or_foreign: float = -0.13
    """Summer starts last longer, most for tertiary degrees and foreign citizens (Akava; size an assumption)."""
    tightness: float = -0.42
    """By log of jobseekers per vacancy in the occupation against the area's mean (assumption)."""
    short_last_job: float = 0.14
    """A last job under nine months: seasonal and temporary workers are called back (assumption)."""
    long_last_job_over_50: float = -0.38
    """Ten years with one employer, lost at 50 or older (assumption)."""


@dataclass(frozen=True)
class Parameters:
    """All parameters of one generation."""

    hazard: HazardParameters = field(default_factory=HazardParameters)
    effects: Effects = field(default_factory=Effects)
    municipality_codes: tuple[str, ...] = ("106", "186", "505", "543", "611", "858")
    municipality_weights: tuple[float, ...] = (0.232, 0.224, 0.102, 0.217, 0.025, 0.200)
    """By population (rounded)."""
    foreign_share_of_entrants: tuple[float, float] = (0.13, 0.25)
    """Of first registrations in 2013 and 2026: 17.7 % of jobseekers were foreign citizens in February 2026 (S2)."""
    long_illness_share: float = 0.11
    """About 940 of 9,000 unemployed in 2020 (S1)."""
    moves_a_year: float = 0.022
    """To another area (assumption)."""
    pension_age: float = 65.0
    layoff_share_of_separations: float = 0.15
    """Half of temporary lay-offs end within a month (Akava)."""
    layoff_becomes_dismissal: float = 0.13
    spring_2020_layoffs: float = 0.35
    """Share of jobs running in March 2020 that were interrupted by a temporary lay-off (assumption)."""
    own_expectation_answered: float = 0.70
    assessment_at_registration: float = 0.15
    """Within the assumed 10-20 %, more often where work ability is low: missing not at random."""
    work_ability_mean: float = 7.3
    work_ability_sd: float = 2.1
    """New jobseekers (assumption; published for a group far weaker than entrants: 6.14, 2.55)."""
    use_not_permitted: float = 0.03
