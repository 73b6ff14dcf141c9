"""Every number that shapes the synthetic population, with its source or the word *assumption*.

Nothing here comes from client data. "KEHA", "Akava", "Junna 2022", "S1" and "S2" name public statistics and studies
listed in the domain notes; what has no such name is an assumption, chosen so that the published totals come out.
"""

import datetime
import math
from dataclasses import dataclass, field

GENERATOR_VERSION = "2.0"
AREA = "keski_uusimaa"

DAYS_A_YEAR = 365.25
DAYS_A_MONTH = 30.4375
HORIZON_DAYS = 365
"""Twelve months, counted from the first day of a run of unemployment."""
LANDMARK_MONTHS = (0, 3, 6, 9)


def day(year: int, month: int, day_of_month: int) -> int:
    """Days since 1970-01-01 of a calendar day."""
    return (datetime.date(year, month, day_of_month) - datetime.date(1970, 1, 1)).days


FIRST_CLIENTS_ON = day(2009, 1, 1)
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

    shape: float = 0.68
    scale_days: float = 104.0
    after_a_year: float = 0.39
    """The hazard beyond twelve months against the Weibull curve: half of the long-term unemployed have been so for more
    than two years (KEHA, January 2026), which one curve through the flows of 2017 cannot give (assumption)."""
    after_a_year_sensitivity: float = 3.0
    """Power of the calendar path beyond twelve months: who has been unemployed for a year is hired last
    (assumption)."""
    macro: tuple[tuple[int, float], ...] = (
        (day(2009, 1, 1), 0.85),
        (day(2017, 1, 1), 1.00),
        (day(2020, 2, 15), 1.00),
        (day(2020, 4, 1), 0.77),
        (day(2020, 10, 1), 0.97),
        (day(2021, 9, 1), 0.99),
        (day(2022, 9, 1), 1.03),
        (day(2023, 7, 1), 0.91),
        (day(2024, 4, 1), 0.78),
        (day(2025, 4, 1), 0.75),
        (day(2025, 9, 1), 0.735),
        (day(2026, 12, 31), 0.72),
    )
    other_exit_daily: float = 0.00050
    """Competing exits to education or out of the labour force; about a fifth of all ends (assumption)."""
    death_daily: float = 0.0000082


@dataclass(frozen=True)
class Effects:
    """Log hazard ratios of finding open-market work."""

    unemployed_200_days: float = -0.223
    """HR 0.80 for each 200 days unemployed in the last three years (assumption)."""
    unemployed_over_a_year: float = -0.30
    """A threshold on top: more than 365 of the last 1,095 days (assumption)."""
    age_steps: tuple[tuple[int, float], ...] = ((0, 0.049), (25, 0.0), (45, -0.163), (55, -0.431), (60, -0.799))
    """HR 1.05, 1, 0.85, 0.65, 0.45 from the age named (assumption shaped on KEHA's stocks; 1.1 for the youngest gave
    too few long-term unemployed under 30)."""
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
    employability: float = 0.14
    """What no register holds: networks, motivation, skills not certified (assumption)."""
    run_noise: float = 0.08
    """What differs between two runs of the same person (assumption)."""
    foreign_citizen: float = math.log(0.93)
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
class Planted:
    """Drift and bias planted on purpose, so that monitoring and audits can be tried; nothing is planted by default.

    Drift begins on `drift_from`. downturn: the hazard of finding work falls to 0.8 of what it was. client_mix: twice
    the share of foreign citizens and more basic education among first registrations. lost_field: the name of a
    statement that is no longer written. new_code_list: reasons why a job ended come in codes nobody announced.

    Bias concerns one `group`. late_outcomes: what ends a run is recorded 90 days later. missing_assessments: 30 points
    fewer answer. hiding_service: services stop the group's official count of unemployment again and again.
    """

    drift_from: int = day(2025, 10, 1)
    downturn: bool = False
    client_mix: bool = False
    lost_field: str | None = None
    new_code_list: bool = False
    group: str = "foreign"
    late_outcomes: bool = False
    missing_assessments: bool = False
    hiding_service: bool = False


GROUPS_OF_BIAS = ("foreign", "women", "under_30", "long_illness")


@dataclass(frozen=True)
class Parameters:
    """All parameters of one generation."""

    hazard: HazardParameters = field(default_factory=HazardParameters)
    effects: Effects = field(default_factory=Effects)
    planted: Planted = field(default_factory=Planted)
    trend: bool = True
    """Off: hiring, registrations, client mix and services stay as they were in 2019, and no spring of 2020."""
    continuations: int = 200
    macro_monthly_sd: float = 0.02
    """What nobody knows at the as-of date: from then on hiring is a random walk in its logarithm, this much a month,
    from the level of that day (assumption; the path of 2022-25 fell by .01 a month)."""
    help_effect: float = 0.02
    """How much help lowers the probability of reaching twelve months: 2 percentage points (assumption, from a Dutch
    trial of early intensive help)."""
    registrations: tuple[tuple[int, float], ...] = (
        (day(2019, 1, 1), 1.0),
        (day(2021, 6, 1), 1.0),
        (day(2023, 1, 1), 0.85),
        (day(2025, 1, 1), 0.70),
        (day(2026, 12, 31), 0.66),
    )
    """Knots of the number of first registrations: jobseekers without a year of unemployment behind them stayed at
    12,430 in February 2024 and 2026 (S2) while spells grew longer, so fewer came (assumption; fewer jobs begin, fewer
    end)."""
    municipality_codes: tuple[str, ...] = ("106", "186", "505", "543", "611", "858")
    municipality_weights: tuple[float, ...] = (0.232, 0.224, 0.102, 0.217, 0.025, 0.200)
    """By population (rounded)."""
    foreign_share_of_entrants: tuple[tuple[int, float], ...] = (
        (day(2009, 1, 1), 0.11),
        (day(2021, 6, 1), 0.150),
        (day(2022, 6, 1), 0.215),
        (day(2023, 6, 1), 0.215),
        (day(2025, 1, 1), 0.172),
    )
    """Of first registrations: 18.7, 18.2 and 17.7 % of jobseekers were foreign citizens in February 2024, 2025, 2026
    (S2). The peak of 2022-23 (an assumption) makes their stock one of recent entry."""
    young_share: tuple[tuple[int, float], ...] = (
        (day(2022, 1, 1), 0.285),
        (day(2023, 1, 1), 0.325),
        (day(2024, 6, 1), 0.315),
        (day(2025, 6, 1), 0.270),
    )
    """Of first registrations of Finns, those who come in their first years of adult life; 0.07 less of foreign
    citizens. The peak of 2023-24 (an assumption) follows the jobseekers under 30: 3,698, 4,010 and 4,097 (S2)."""
    long_illness_share: float = 0.11
    """About 940 of 9,000 unemployed in 2020 (S1)."""
    moves_a_year: float = 0.022
    """To another area (assumption)."""
    pension_age: float = 65.0
    layoff_share_of_separations: float = 0.15
    """Half of temporary lay-offs end within a month (Akava)."""
    layoff_becomes_dismissal: float = 0.13
    spring_2020_layoffs: float = 0.11
    """Share of jobs running in March 2020 that were interrupted by a temporary lay-off (assumption)."""
    next_job_directly: float = 0.76
    """Share of jobs followed by another without unemployment between (assumption)."""
    own_expectation_answered: float = 0.70
    assessment_at_registration: float = 0.15
    """Within the assumed 10-20 %, more often where work ability is low: missing not at random."""
    work_ability_mean: float = 7.3
    work_ability_sd: float = 2.1
    """New jobseekers (assumption; published for a group far weaker than entrants: 6.14, 2.55)."""
    use_not_permitted: float = 0.03


def with_choices(
    trend: bool = True, planted: Planted | None = None, foreign_hazard_ratio: float = 0.93, help_effect: float = 0.02
) -> Parameters:
    """The parameters with what a user may choose."""
    return Parameters(
        effects=Effects(foreign_citizen=math.log(foreign_hazard_ratio)),
        planted=planted or Planted(),
        trend=trend,
        help_effect=help_effect,
    )
