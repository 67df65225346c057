"""Profiles of batch systems, job scripts of all of them, and that a submission is whole or not there at all.

The stand-ins of `qsub`, `bsub` and `condor_submit_dag` record what they are given and execute the script with the right
index variable: PBS, LSF and HTCondor were not run on the real thing.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import rig
from batch import DECLARATION, SIMULATIONS, Sweep, needs, squeue, until
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isinglass import InputError, load_workflow, schedulers
from isinglass.jobs import Submission
from isinglass.profiles import SCHEDULERS, Profile, Site, load_profile
from isinglass.schedulers import ENDED, RUNNING, WAITING, scheduler
from isinglass.shipped import shipped
from isinglass.submission import scripts

pytestmark = pytest.mark.usefixtures("home")
GOLDEN = Path(__file__).parent / "golden"
every = pytest.mark.parametrize("name", SCHEDULERS)


# ---------------------------------------------------------------- profiles


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kind: slurp\n", "kind 'slurp' is unknown; did you mean 'slurm'"),
        ("kind: slurm\nwaltime: 60\n", "slurm has no key 'waltime'; did you mean 'walltime'"),
        ("kind: slurm\nwalltime: soon\n", "walltime: 'soon' is no time"),
        ("kind: slurm\nwalltime: 30\n", "walltime: 30 is less than a minute"),
        ("kind: slurm\nmemory: much\n", "memory: 'much' is no memory size"),
        ("kind: slurm\ncores: 0\n", "cores: 0 is no positive whole number"),
        ("kind: slurm\nqueue: 'a; rm -rf x'\n", "holds characters that are no part of a name"),
        ('kind: slurm\ndirectives: ["--comment=a\\nrm x"]\n', "must be one line without control characters"),
        ("kind: slurm\nsetup: 3\n", "setup: 3 is no list of lines"),
        ("kind: slurm\nwalltime: 60\nwarning: 60\n", "must be more than 10 and less than the walltime, 60"),
        ("kind: slurm\nwalltime: 60\nwarning: 10\n", "must be more than 10 and less than the walltime, 60"),
        ('kind: slurm\ndirectives: ["#SBATCH --nice"]\n', "leave it out"),
        ("kind: slurm-dask\ntls: 'no'\n", "tls: 'no' is neither true nor false"),
        ("kind: htcondor\nqueue: long\n", "htcondor has no key 'queue'"),
        ("kind: [slurm]\n", "is unknown"),
    ],
)
def test_a_faulty_profile_names_file_key_and_what_is_allowed(home: Path, text: str, told: str) -> None:
    (home / "site.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        load_profile("site.yaml")
    assert str(error.value).startswith("site.yaml: ")
    assert told in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "seconds"), [('"02:30:00"', 9000), ("2:30:00", 9000), ('"1-00:00:00"', 86400), ("600", 600)]
)
def test_walltimes(home: Path, text: str, seconds: int) -> None:
    (home / "site.yaml").write_text(f"kind: slurm\nwalltime: {text}\n", encoding="utf-8")
    assert load_profile("site.yaml").site.walltime == seconds


@pytest.mark.parametrize("kind", ["slurm", "slurm-dask"])
def test_a_short_walltime_has_a_short_warning(kind: str, home: Path) -> None:
    (home / "site.yaml").write_text(f'kind: {kind}\nwalltime: "00:02:00"\nmemory: 1GiB\n', encoding="utf-8")
    site = load_profile("site.yaml").site
    assert (site.walltime, site.warning, site.memory) == (120, 30, 2**30)


def test_profiles_of_the_user_go_before_the_shipped_ones(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    own = home / "config" / "isinglass" / "cluster"
    own.mkdir(parents=True)
    (own / "slurm.yaml").write_text("kind: slurm\nqueue: mine\n", encoding="utf-8")
    assert load_profile("slurm").site.queue == "mine"
    (home / "cluster").mkdir()
    (home / "cluster" / "slurm.yaml").write_text("kind: slurm\nqueue: nearest\n", encoding="utf-8")
    assert load_profile("slurm").site.queue == "nearest"


def test_run_and_submit_name_each_other(home: Path) -> None:
    sweep = Sweep(home, "kind: slurm\n")
    run = sweep.command("run", *sweep.words, "--cluster", "site.yaml", code=2)
    assert "isinglass submit slow --cluster site.yaml --jobs N" in run
    (home / "site.yaml").write_text("kind: threads\n", encoding="utf-8")
    assert "isinglass run takes it" in sweep.submit(code=2)


# ---------------------------------------------------------------- scripts

NASTY = 'it\'s "$(touch pwned)" `touch pwned` \\ % ünï 雪'


def made(name: str, home: Path, **site: object) -> dict[str, str]:
    """The files of a submission of 5 shares in arrays of 3 and 2, or in one DAG."""
    parts = [[0, 1, 4, 2, 3]] if name == "htcondor" else [[0, 1, 4], [2, 3]]
    profile = Profile(name, name, site=Site(**{"walltime": 5400, "cores": 2, **site}))  # type: ignore[arg-type]
    rig.write_workflow(home / "slow.py", DECLARATION)
    workflow = load_workflow(home / "slow.py")
    texts = scripts(
        workflow, profile, scheduler(name), home / "run", home / "run" / "jobs" / "1", 5, parts,
        ["slow.py", "--samples", "2"],
    )  # fmt: skip
    return {text.name: text.text for text in texts}


@every
def test_golden_scripts(name: str, home: Path) -> None:
    """Byte for byte what was looked at, but for folder, Python and date. `GOLDEN=write` writes them anew."""
    import re
    import sys

    for file, text in made(name, home, queue="" if name == "htcondor" else "normal", account="me").items():
        text = text.replace(str(home), "/home/me").replace(sys.executable, "/env/bin/python")
        text = re.sub(r"on \d{4}-\S+Z?\.", "on DATE.", text)
        path = GOLDEN / name / file
        if os.environ.get("GOLDEN") == "write":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.read_text(encoding="utf-8") == text, file


@every
def test_bash_reads_every_script(name: str, home: Path) -> None:
    for file, text in made(name, home, scratch=f"/tmp/{NASTY}", restarts=0).items():
        if file.endswith(".sh"):
            done = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
            assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("name", "text", "states"),
    [
        ("slurm", "12|3|RUNNING\n12|4|PENDING\n12|N/A|COMPLETED\n", {3: RUNNING, 4: WAITING, 0: ENDED}),
        ("pbs", "12[3].host  run  me  00:00:01 R work\n12[4].host  run  me  0 Q work\n", {3: RUNNING, 4: WAITING}),
        ("lsf", "12 1 RUN\n12 2 PEND\n12 3 DONE\n", {0: RUNNING, 1: WAITING, 2: ENDED}),
        (
            "sge",
            "12 0.55 isinglass me r 11/22/2026 10:00:00 all.q@host 1 2\n"
            "12 0.00 isinglass me qw 11/22/2026 10:00:00 1 3-4:1\n",
            {1: RUNNING, 2: WAITING, 3: WAITING},
        ),
        ("htcondor", "12 array_0 2\n12 array_1 1\n12 finish 1\n", {0: RUNNING, 1: WAITING}),
    ],
)
def test_what_schedulers_say(name: str, text: str, states: dict[int, str]) -> None:
    assert scheduler(name).states(text) == {("12", n): state for n, state in states.items()}


# ---------------------------------------------------------------- stand-ins

QSUB = """#!/bin/bash
# records its words; runs an array's elements one after the other, each with its index
printf '%s\\n' "qsub $*" >> {log}
script="${{@: -1}}"
n=$(cat {home}/next 2>/dev/null || echo 7); echo $((n + 1)) > {home}/next
range=$(sed -n 's/^#PBS -[Jt] \\([0-9]*\\)-\\([0-9]*\\).*/\\1 \\2/p' "$script")
if [ "$range" ]; then
    read -r first last <<< "$range"
    for i in $(seq "$first" "$last"); do
        PBS_JOBID="$n[$i].host" PBS_ARRAY_INDEX=$i PBS_ARRAYID=$i bash "$script" >> {log}.out 2>&1
    done
    echo "$n[].host"
else
    PBS_JOBID="$n.host" bash "$script" >> {log}.out 2>&1
    echo "$n.host"
fi
"""
BSUB = """#!/bin/bash
printf '%s\\n' "bsub $*" >> {log}
n=$(cat {home}/next 2>/dev/null || echo 7); echo $((n + 1)) > {home}/next
cat > {home}/script
range=$(sed -n 's/^#BSUB -J .*\\[\\([0-9]*\\)-\\([0-9]*\\)\\].*/\\1 \\2/p' {home}/script)
read -r first last <<< "${{range:-0 0}}"
for i in $(seq "$first" "$last"); do
    LSB_JOBID=$n LSB_JOBINDEX=$i bash {home}/script >> {log}.out 2>&1
done
echo "Job <$n> is submitted to default queue <normal>."
"""
CONDOR = """#!/bin/bash
printf '%s\\n' "condor_submit_dag $*" >> {log}
run() {{
    script=$(sed -n 's/^executable = //p' "$1")
    "./$script" "${{2:-}}" >> {log}.out 2>&1 < /dev/null
}}
dag="${{@: -1}}"
while read -r word name file; do
    index=$(sed -n 's/^VARS '"$name"' element="\\([0-9]*\\)"/\\1/p' "$dag")
    if [ "$word" = JOB ]; then run "$file" "$index"; fi
done < "$dag"
while read -r word name file; do if [ "$word" = FINAL ]; then run "$file"; fi; done < "${{@: -1}}"
echo "1 job(s) submitted to cluster 7."
"""


def stand_ins(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands on PATH that record and execute. Returns the record."""
    folder, log = home / "bin", home / "record"
    folder.mkdir()
    texts = {"qsub": QSUB, "bsub": BSUB, "condor_submit_dag": CONDOR}
    texts |= dict.fromkeys(("qdel", "bkill", "condor_rm"), "#!/bin/bash\n")
    for name, text in texts.items():
        (folder / name).write_text(text.format(log=log, home=home) if "{log}" in text else text, encoding="utf-8")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(schedulers, "ANSWER_SECONDS", 300)  # they answer when all elements have run
    return log


@pytest.mark.parametrize("name", ["pbs", pytest.param("torque", marks=pytest.mark.long), "lsf", "htcondor"])
def test_under_stand_ins_that_execute(name: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The array fills the store, each element its own shares; the job behind it waits for it and analyses."""
    log = stand_ins(home, monkeypatch)
    sweep = Sweep(home, f'kind: {name}\nwalltime: "00:10:00"\n', seconds=0.001, jobs=2)
    sweep.submit()
    rig.check(rig.data(sweep.root), sweep.workflow)
    words = log.read_text(encoding="utf-8").splitlines()
    after = {"pbs": "-W depend=afterany:7[]", "torque": "-W depend=afteranyarray:7[]", "lsf": "-w ended(7)"}
    assert len(words) == (1 if name == "htcondor" else 2)
    assert after.get(name, "run.dag") in words[-1]
    assert f"done {SIMULATIONS} of {SIMULATIONS}" in log.with_suffix(".out").read_text(encoding="utf-8")
    assert "2 complete" in sweep.status()


# ---------------------------------------------------------------- nothing is submitted by halves


def test_no_commands(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = Sweep(home, "kind: slurm\n")
    monkeypatch.setenv("PATH", str(home))
    out = sweep.submit(code=2)
    assert out.strip().splitlines()[-1].startswith("isinglass: sbatch is not on PATH")
    assert not sweep.root.exists()


@pytest.mark.parametrize(
    ("profile", "more", "told"),
    [
        ('walltime: "00:03:00"\nwarning: 179\n', ("--set", "seconds=1.5"), "give it a longer walltime"),
        ("", ("--jobs", "0"), "--jobs 0: write a number from 1"),
        ("", ("--shard", "0/2"), "--shard and submit exclude each other"),
        ("template: nowhere.j2\n", (), "there is no job template nowhere.j2"),
    ],
)
def test_what_cannot_be_submitted_is_one_line(
    home: Path, monkeypatch: pytest.MonkeyPatch, profile: str, more: tuple[str, ...], told: str
) -> None:
    log = stand_ins(home, monkeypatch)
    sweep = Sweep(home, f"kind: pbs\n{profile}", seconds=0.001)
    words = [w for w in sweep.words if not (more and more[0] == "--set" and w in ("--set", f"seconds={sweep.seconds}"))]
    out = sweep.command("submit", *words, "--cluster", "site.yaml", "--jobs", "2", *more, code=2)
    assert told in out.strip().splitlines()[-1]
    assert not log.exists()
    assert not sweep.root.exists()


def test_what_an_array_at_work_does_not_ask_is_sent(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wider sweep goes to the queue while the array of the narrower one waits there; what asks the same does not."""
    stand_ins(home, monkeypatch)
    (home / "bin" / "qsub").write_text(
        f'#!/bin/bash\nn=$(cat {home}/next 2>/dev/null || echo 7); echo $((n + 1)) > {home}/next\necho "$n[].host"\n',
        encoding="utf-8",
    )
    states = '#!/bin/bash\nfor j in 7 8 9 10; do for i in 0 1; do echo "$j[$i].host run me 0 Q work"; done; done\n'
    (home / "bin" / "qstat").write_text(states, encoding="utf-8")
    (home / "bin" / "qstat").chmod(0o755)
    sweep = Sweep(home, "kind: pbs\n", seconds=0.001, jobs=2)
    sweep.submit()
    assert "nothing was submitted" in sweep.submit()
    assert "2 of 2 shares of an earlier submission still wait or run (7[]): wait" in sweep.submit("--jobs", "3", code=2)
    assert "submitted     9[] (2 elements)" in sweep.submit("--samples", "5")
    assert "nothing was submitted" in sweep.submit("--samples", "5")
    assert "2 waiting" in sweep.status()
    assert "and 2 elements of earlier submissions wait or run" in sweep.status()
    assert "analysis      job 10 waits for them" in sweep.status()


def test_status_tells_of_all_shares_also_where_a_later_submission_sent_a_few(home: Path) -> None:
    """By the log alone, and the next step is to look where the scheduler answers."""
    sweep = Sweep(home, "kind: slurm\n", seconds=0.001, jobs=3)
    assert rig.run(sweep.workflow, sweep.root, shard=(0, 3)).exit_code == 0
    for number, shares in ((1, (0, 1, 2)), (2, (1,))):
        (sweep.root / "jobs" / str(number)).mkdir(parents=True)
        made = Submission(sweep.root / "jobs" / str(number), "lsf", 3, ((f"{number}0", shares),), f"{number}1", "now")
        made.write()
    text = sweep.status()
    assert "shares        2 not begun, 1 complete" in text
    assert "next          look where the commands of lsf answer" in text
    wider = sweep.workflow.override(samples=6)
    assert rig.run(wider, sweep.root, shard=(1, 3)).exit_code == 0
    assert "shares        2 not begun, 1 complete" in sweep.status()  # share 0 was complete, and is no more


def test_a_large_plan_is_asked_about(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = stand_ins(home, monkeypatch)
    sweep = Sweep(home, "kind: pbs\n", seconds=0.01)
    out = sweep.submit("--samples", "9999999", code=2)
    assert "CPU hours" in out.strip().splitlines()[-1]
    assert "Say --yes" in out.strip().splitlines()[-1]
    assert not log.exists()
    assert not sweep.root.exists()


def test_a_scheduler_that_does_not_answer(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it took the job is not known, and is not claimed."""
    stand_ins(home, monkeypatch)
    (home / "bin" / "qsub").write_text("#!/bin/bash\nexec sleep 5\n", encoding="utf-8")
    monkeypatch.setattr(schedulers, "ANSWER_SECONDS", 0.2)
    out = Sweep(home, "kind: pbs\n", seconds=0.001, jobs=2).submit(code=2)
    assert out.strip().splitlines()[-1] == (
        "isinglass: qsub did not answer within 0.2 s: whether it took array.sh is not known; "
        "look into the queue before you submit again"
    )


def test_a_rejected_array_is_taken_back(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = stand_ins(home, monkeypatch)
    qsub = home / "bin" / "qsub"
    qsub.write_text(
        f'#!/bin/bash\necho "$*" >> {log}\ncase "$*" in *finish*) echo "qsub: no such queue" >&2; exit 5;; esac\n'
        "echo '7[].host'\n",
        encoding="utf-8",
    )
    (home / "bin" / "qdel").write_text(f'#!/bin/bash\necho "qdel $*" >> {log}\n', encoding="utf-8")
    sweep = Sweep(home, "kind: pbs\n", seconds=0.001, jobs=2)
    out = sweep.submit(code=2)
    assert out.strip().splitlines()[-1] == (
        "isinglass: qsub refused finish.sh: qsub: no such queue; nothing is left in the queue"
    )
    assert "qdel 7[]" in log.read_text(encoding="utf-8")
    assert not list(sweep.root.glob("jobs/*/submission.json"))


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="there is no folder that root, too, cannot write into")
def test_an_unwritable_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = stand_ins(home, monkeypatch)
    sweep = Sweep(home, "kind: pbs\n", seconds=0.001)
    root = "/sys/kernel/isinglass"
    words = ("slow.py", "--out", root, "--set", "seconds=0.001", "--cluster", "site.yaml", "--jobs", "2")
    out = sweep.command("submit", *words, code=2)
    last = out.strip().splitlines()[-1]
    assert last.startswith("isinglass: ")
    assert root in last
    assert not log.exists()


# ---------------------------------------------------------------- no value reaches a shell unquoted

of_shells = st.sampled_from("'\"$`\\;&|<>()%\n *")
of_people = st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="/\0")
words_of_people = st.text(of_people | of_shells, min_size=1, max_size=12).filter(lambda s: s.strip(" .\n") != "")


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(folder=words_of_people, title=words_of_people, scratch=words_of_people)
def test_no_value_is_read_by_bash(
    folder: str, title: str, scratch: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The script of any names, executed by bash with a program that prints its words: each comes out as it went in."""
    home = tmp_path_factory.mktemp("q")
    root = home / folder
    printer = home / "printer"
    printer.write_text('#!/bin/bash\nprintf "%s\\0" "$PWD" "$@"\n', encoding="utf-8")
    printer.chmod(0o755)
    site = Site(scratch=str(home / "s" / scratch), command=(str(printer),), restarts=0)
    rig.write_workflow(home / "slow.py", f"{DECLARATION}, title={title!r}")
    workflow = load_workflow(home / "slow.py")
    before = Path.cwd()
    try:
        root.mkdir()
        os.chdir(root)
        run = root / "run"
        texts = list(
            scripts(
                workflow, Profile("slurm", "slurm", site=site), scheduler("slurm"), run, run / "jobs" / "1", 2, [[1]],
                ["--set", f"x={title}"],
            )
        )  # fmt: skip
    finally:
        os.chdir(before)
    environment = {**os.environ, "SLURM_ARRAY_TASK_ID": "0", "SLURM_ARRAY_JOB_ID": "7"}
    done = subprocess.run(["bash"], input=texts[0].text.encode(), capture_output=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    out = done.stdout.decode().split("\0")[:-1]
    assert out == [str(root), "run", "--set", f"x={title}", "--out", str(root / "run"), "--cluster", "serial", "--yes",
                   "--shard", "1/2"]  # fmt: skip
    assert (home / "s" / scratch).is_dir()
    assert sorted(p.name for p in home.iterdir()) == sorted({folder, "printer", "s", "slow.py"})


@pytest.mark.slurm
@needs("slurm")
def test_nasty_names_through_a_real_sbatch(home: Path) -> None:
    """Folder, title, directive and scratch full of what shells read: the array is whole, and nothing else was made."""
    place = home / NASTY.replace("/", "")
    place.mkdir()
    profile = (
        'kind: slurm\nwalltime: "00:10:00"\nmemory: 200MB\nscratch: "{s}"\ndirectives:\n'
        "  - '--comment=\"$(touch pwned) `touch pwned` it''s 雪\"'\n"
    ).format(s=str(place / "s c").replace("\\", "\\\\").replace('"', '\\"'))
    sweep = Sweep(place, profile, seconds=0.01, jobs=2)
    sweep.submit()
    until(lambda: not squeue(*sweep.newest.ids, sweep.newest.finish), 120, "the queue is empty")
    sweep.whole()
    assert sorted(p.name for p in place.iterdir()) == ["run", "s c", "site.yaml", "slow.py"]
    assert not list(sweep.root.rglob("pwned"))
    assert len(list(sweep.root.glob("jobs/1/*.out"))) == 3


def test_shipped_templates_are_shipped() -> None:
    names = {p.name for p in shipped("cluster").iterdir()}
    assert {f"{name}.{kind}" for name in SCHEDULERS for kind in ("j2", "yaml")} <= names
