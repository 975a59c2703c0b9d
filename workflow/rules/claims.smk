rule write_claims:
    input:
        csv=get_claim_tables(".csv"),
        html=get_claim_tables(".html"),
    output:
        report(
            directory("results/claims/{study}"),
            htmlindex="index.html",
            caption="../report/claims.rst",
            category=get_study_title,
            labels={"item": "claims", "kind": "claims"},
        ),
    log:
        "results/logs/write_claims/{study}.log",
    benchmark:
        "results/benchmarks/write_claims/{study}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    params:
        cfg=get_claims,
        code=get_code("write_claims.py", *TABLES.values()),
    script:
        "../../scripts/write_claims.py"


rule collect_claims:
    input:
        csv=get_all_claim_tables(),
    output:
        report(
            directory("results/claims/all"),
            htmlindex="index.html",
            caption="../report/claims.rst",
            category="All studies",
            labels={"item": "all claims", "kind": "claims"},
        ),
    log:
        "results/logs/collect_claims.log",
    benchmark:
        "results/benchmarks/collect_claims.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 1
    params:
        cfg={"studies": list(CLAIMS.values())},
        code=get_code("collect_claims.py", *TABLES.values()),
    script:
        "../../scripts/collect_claims.py"
