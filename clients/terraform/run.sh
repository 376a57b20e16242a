export TF_IN_AUTOMATION=1 CHECKPOINT_DISABLE=1
# Where a machine has the provider, it is not fetched.
if [ -d /opt/tf-plugins ]; then
	echo 'provider_installation { filesystem_mirror { path = "/opt/tf-plugins" } }' > terraform.rc
	export TF_CLI_CONFIG_FILE=$PWD/terraform.rc
fi
printf 'def handler(event, context):\n    return len(event.get("Records", []))\n' > app.py
python3 -m zipfile -c consumer.zip app.py
terraform init -no-color
terraform apply -auto-approve -no-color
terraform plan -detailed-exitcode -no-color
terraform apply -auto-approve -no-color -var retention_hours=48
terraform plan -detailed-exitcode -no-color -var retention_hours=48
terraform destroy -auto-approve -no-color
